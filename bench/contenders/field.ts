import { isDeepStrictEqual } from 'node:util'
import { splitCompact } from '@keyturn/core'
import type { Entrant } from '../measuring/contest.ts'
import { awsJwtVerify } from './aws-jwt-verify.ts'
import type { Contender, Task } from './contender.ts'
import { fastJwt } from './fast-jwt.ts'
import { jose } from './jose.ts'
import { jsonwebtoken } from './jsonwebtoken.ts'
import { keyturn } from './keyturn.ts'
import { rawSigners, rawVerifiers } from './raw.ts'

/** Who comes to sign and to verify. One more is one more module. */
export const CONTENDERS: readonly Contender[] = [keyturn, fastJwt, jsonwebtoken, jose, awsJwtVerify]

/** So many that no token is seen again soon. */
const DISTINCT_TOKENS = 64

/** All who can sign with the algorithm of a task. Throws unless their tokens say the same and hold everywhere. */
export async function signersOf(task: Task): Promise<readonly Entrant[]> {
  const entrants: Entrant[] = []
  for (const contender of CONTENDERS) {
    const step = await contender.signer(task)
    if (step === undefined) continue
    await assertSameToken(task, contender.name, String(await step.act()))
    entrants.push({ name: contender.name, ...step })
  }
  const { signingInput } = splitCompact(await makeToken(task), 8192)
  return [...rawSigners(task, Buffer.from(signingInput)), ...entrants]
}

/** All who can verify with the algorithm of a task. */
export async function verifiersOf(task: Task): Promise<readonly Entrant[]> {
  const tokens = await Promise.all(Array.from({ length: DISTINCT_TOKENS }, () => makeToken(task)))
  const entrants: Entrant[] = []
  for (const contender of CONTENDERS) {
    const step = await contender.verifier(task)
    if (step === undefined) continue
    let turn = 0
    const act = () => step.act(tokens[turn++ % tokens.length] ?? '')
    entrants.push({ name: contender.name, way: step.way, act })
  }
  return [...rawVerifiers(task, tokens), ...entrants]
}

async function makeToken(task: Task): Promise<string> {
  return String(await (await keyturn.signer(task))?.act())
}

/** Whoever signs less, or something else, has it easier. */
async function assertSameToken(task: Task, name: string, token: string): Promise<void> {
  for (const contender of CONTENDERS) await (await contender.verifier(task))?.act(token)
  if (!isDeepStrictEqual(partsOf(token), partsOf(await makeToken(task)))) {
    throw new Error(`${name} signs another header or other claims than keyturn`)
  }
}

/** What a token says, whatever the order, but for when. */
function partsOf(token: string): readonly unknown[] {
  const { header, payload } = splitCompact(token, token.length)
  const { iat, exp, ...claims } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  return [JSON.parse(Buffer.from(header, 'base64url').toString()), claims, exp - iat]
}
