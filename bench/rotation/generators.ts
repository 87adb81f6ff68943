import { spawn } from 'node:child_process'
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ALGORITHMS, type AlgorithmName, type PublicJwk, requiredMembers, thumbprint } from '@keyturn/core'
import { type GenerateKeyPair, generateSigningPair, type KeyPair } from '@keyturn/keyring'

/** Ways to come by a key pair beside the event loop, the one that is built in first. */
export const GENERATORS = {
  'low-priority thread': generateSigningPair,
  'thread pool': generateOnPool,
  'low-priority child': generateInChild,
} satisfies Readonly<Record<string, GenerateKeyPair>>

const generate = promisify(generateKeyPair) as (
  type: string,
  options: object,
) => Promise<{ privateKey: KeyObject }>
const CHILD = fileURLToPath(new URL('./key-child.ts', import.meta.url))

/** The pair comes out of another process, over a pipe, and the machine prefers every other work to its. */
async function generateInChild({ algorithm, rsaBits }: Parameters<GenerateKeyPair>[0]): Promise<KeyPair> {
  const child = spawn(process.execPath, [CHILD, algorithm, String(rsaBits)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW)
  const [der] = await Promise.all([buffer(child.stdout), once(child, 'exit')])
  return pairOf(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }), algorithm)
}

/** The pair comes from where signatures are made, too. */
async function generateOnPool({ algorithm, rsaBits }: Parameters<GenerateKeyPair>[0]): Promise<KeyPair> {
  const { type, options } = ALGORITHMS[algorithm].generation
  const { privateKey } = await generate(type, { ...options, modulusLength: rsaBits })
  return pairOf(privateKey, algorithm)
}

function pairOf(privateKey: KeyObject, alg: AlgorithmName): KeyPair {
  const publicJwk = requiredMembers(
    createPublicKey(privateKey as never).export({ format: 'jwk' }) as PublicJwk,
  )
  return { kid: thumbprint(publicJwk), alg, publicJwk, privateKey }
}
