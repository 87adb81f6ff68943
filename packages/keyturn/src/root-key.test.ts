import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRootKey } from './root-key.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-root-key-'))
  file = join(folder, 'root.pem')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const PKCS8 = { type: 'pkcs8', format: 'pem' } as const
const ed25519 = generateKeyPairSync('ed25519').privateKey
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const holds = (document: string | Buffer) => writeFile(file, document, { mode: 0o600 })

describe('a root key that was made elsewhere (R30)', () => {
  it.each([
    ['EdDSA', ed25519],
    ['RS256', rsa],
    ['ES256', p256],
  ])('signs with %s where its PEM cannot say it', async (alg, key) => {
    await holds(key.export(PKCS8))
    expect((await openRootKey(file)).alg).toBe(alg)
  })

  it('signs with what its JWK says', async () => {
    await holds(JSON.stringify({ ...rsa.export({ format: 'jwk' }), alg: 'PS384' }))
    expect((await openRootKey(file)).alg).toBe('PS384')
  })

  it('is refused by the name of its file, with what helps here', async () => {
    await holds(ed25519.export({ ...PKCS8, cipher: 'aes-256-cbc', passphrase: 'open-sesame' }))
    await expect(openRootKey(file)).rejects.toMatchObject({
      code: 'key_encrypted',
      message: `the root key ${file}: key refused: expected a key that is not encrypted`,
      remedy: expect.stringContaining('openssl pkey -in FILE -out'),
    })
    await holds('no key')
    await expect(openRootKey(file)).rejects.toMatchObject({ code: 'key_malformed' })
  })
})
