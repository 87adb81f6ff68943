import { vi } from 'vitest'
import { type Fault, staged } from './fault.ts'
import {
  acceptedOf,
  type Contestant,
  KEYS,
  NEW,
  OLD,
  outcomeOf,
  outcomesOfTurn,
  SIGNERS,
  type Stage,
  tokenOf,
} from './stage.ts'

/** Longer than anybody here keeps a set without headers. */
const EXPIRED_SECONDS = 601
const HUGE_BYTES = 16_000_000
/** What the kernel has taken on before anybody could say no. */
const EARLY_BYTES = 8_000_000

const jose = (stage: Stage) => stage.peer('jose')
const awsJwtVerify = (stage: Stage) => stage.peer('aws-jwt-verify')
const jwksRsa = (stage: Stage) => stage.peer('jwks-rsa with jsonwebtoken')
const getJwks = (stage: Stage) => stage.peer('get-jwks with fast-jwt')

/** Key sets that are not as they should be, or are not there: what becomes of tokens, and of the endpoint. */
export const KEY_SET_FAULTS: readonly Fault[] = [
  staged('jose: Cache-Control', jose, async (stage, client) => {
    stage.endpoint.publish([OLD.jwk], 'max-age=60')
    await client.verify(tokenOf(OLD))
    stage.endpoint.publish([NEW.jwk], 'max-age=60')
    await stage.pass(61)
    return await outcomesOfTurn(stage, client, tokenOf(OLD))
  }),

  staged('jose: outage', jose, async ({ endpoint, pass }, client) => {
    endpoint.publish([OLD.jwk])
    await client.verify(tokenOf(OLD))
    endpoint.fail()
    await pass(EXPIRED_SECONDS)
    const before = endpoint.fetches
    const accepted = await acceptedOf(client, Array(20).fill(tokenOf(OLD)))
    const fetches = endpoint.fetches - before
    return `${accepted} of 20 accepted, ${fetches <= 2 ? 'at most 2' : fetches} fetches`
  }),

  staged('jose: a new key', jose, async ({ endpoint, pass }, client) => {
    endpoint.publish([OLD.jwk])
    await client.verify(tokenOf(OLD))
    endpoint.publish([OLD.jwk, NEW.jwk])
    await pass(20)
    return await outcomeOf(client, tokenOf(NEW))
  }),

  staged('jose: a huge set', jose, async ({ endpoint }, client) => {
    endpoint.inflate([OLD.jwk], HUGE_BYTES)
    const outcome = await outcomeOf(client, tokenOf(OLD))
    await vi.waitFor(() => {
      if (endpoint.bytesTaken === 0) throw new Error('expected the answer to end')
    })
    return `${outcome}, ${endpoint.bytesTaken < EARLY_BYTES ? 'cut off early' : 'read whole'}`
  }),

  staged('jose: an empty set', jose, async ({ endpoint, pass }, client) => {
    endpoint.publish([OLD.jwk])
    await client.verify(tokenOf(OLD))
    endpoint.publish([])
    await pass(EXPIRED_SECONDS)
    return await outcomeOf(client, tokenOf(OLD))
  }),

  staged('aws-jwt-verify: a key that left', awsJwtVerify, async (stage, client) => {
    stage.endpoint.publish([OLD.jwk])
    await client.verify(tokenOf(OLD))
    stage.endpoint.publish([NEW.jwk])
    await stage.pass(1800)
    return await outcomesOfTurn(stage, client, tokenOf(OLD))
  }),

  staged('aws-jwt-verify: a cold start', awsJwtVerify, async ({ endpoint }, client) => {
    endpoint.publish(KEYS)
    const tokens = Array.from({ length: 64 }, (_, turn) => tokenOf(SIGNERS[turn % KEYS.length] ?? OLD))
    const outcomes = await Promise.all(tokens.map((token) => outcomeOf(client, token)))
    return `${outcomes.filter((it) => it === 'accepted').length} of 64 accepted, ${endpoint.fetches} fetch`
  }),

  staged('aws-jwt-verify: a new key after an unknown one', awsJwtVerify, async ({ endpoint }, client) => {
    endpoint.publish([OLD.jwk])
    await client.verify(tokenOf(OLD))
    await outcomeOf(client, tokenOf(OLD, 'unknown'))
    endpoint.publish([OLD.jwk, NEW.jwk])
    return await outcomeOf(client, tokenOf(NEW))
  }),

  staged('jwks-rsa: a fetch for each key', jwksRsa, async ({ endpoint }, client) => {
    endpoint.publish(KEYS)
    const accepted = await acceptedOf(
      client,
      SIGNERS.map((signer) => tokenOf(signer)),
    )
    return `${accepted} of 4 accepted, ${endpoint.fetches} ${endpoint.fetches === 1 ? 'fetch' : 'fetches'}`
  }),

  staged('jwks-rsa: unknown keys', jwksRsa, unknownKeys),
  staged('get-jwks: unknown keys', getJwks, unknownKeys),
]

async function unknownKeys({ endpoint }: Stage, client: Contestant): Promise<string> {
  endpoint.publish(KEYS)
  await client.verify(tokenOf(OLD))
  const before = endpoint.fetches
  await acceptedOf(
    client,
    Array.from({ length: 50 }, (_, turn) => tokenOf(OLD, `unknown-${turn}`)),
  )
  return `${endpoint.fetches - before} fetches for 50 tokens`
}
