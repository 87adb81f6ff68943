import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isAlgorithmName } from './algorithms.ts'
import { isJsonObject, parseJsonObject } from './json.ts'
import { parseJwk, type VerificationKey } from './jwk.ts'
import { parseJwkSet } from './jwk-set.ts'
import { splitCompact, verifySignature } from './jws.ts'

// Public vectors (C2SP/wycheproof, Apache-2.0), read from where WYCHEPROOF_DIR says; skipped without it, but not in CI.
const FOLDER = process.env.WYCHEPROOF_DIR ?? ''
const hasVectors = existsSync(FOLDER)
const isSkipped = !hasVectors && process.env.CI !== 'true'
if (isSkipped) console.warn('SKIPPED: the Wycheproof vectors, since WYCHEPROOF_DIR names no folder')

interface Group {
  readonly comment: string
  readonly public?: unknown
  readonly tests: readonly Vector[]
}
interface Vector {
  readonly tcId: number
  readonly jws: unknown
  readonly result: 'valid' | 'invalid'
}
const groupsOf = (file: string): readonly Group[] =>
  isSkipped ? [] : JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8')).testGroups

const options = { allowForeignKids: true }

/** What TokenChecker does before claims, on vectors whose payload is no claims. */
function verifies(jws: unknown, keys: ReadonlyMap<string, VerificationKey>): boolean {
  try {
    const parts = splitCompact(jws, 8192)
    const header = parseJsonObject(Buffer.from(parts.header, 'base64url'), 4)
    const key = keys.get(String(header?.kid))
    if (key === undefined || key.algorithm.name !== header?.alg) return false
    return verifySignature(key, Buffer.from(parts.signingInput), Buffer.from(parts.signature, 'base64url'))
  } catch {
    return false
  }
}

describe.skipIf(isSkipped)('Wycheproof (R42)', () => {
  const signatures = groupsOf('json_web_signature_test.json').filter(
    ({ public: jwk }) => isJsonObject(jwk) && isAlgorithmName(jwk.alg),
  )
  it.each(signatures.map((group) => [group.comment, group] as const))('signatures: %s', (_, group) => {
    const key = parseJwk(group.public, options)
    const outcomes = group.tests.map(({ tcId, jws }) => [tcId, verifies(jws, new Map([[key.kid, key]]))])
    // an empty payload makes a good JWS, but no token: it has no claims
    const isGood = ({ jws, result }: Vector) => result === 'valid' && !String(jws).includes('..')
    expect(outcomes).toEqual(group.tests.map((vector) => [vector.tcId, isGood(vector)]))
  })

  it('has vectors for our algorithms', () => expect(signatures.length).toBeGreaterThan(1))

  it.each(groupsOf('json_web_key_test.json').map((group) => [group.comment, group] as const))(
    'key sets: %s verifies nothing that it must not',
    (_, group) => {
      const keySet = () => parseJwkSet(Buffer.from(JSON.stringify(group.public)), options).keys
      for (const { jws, result } of group.tests.filter(({ result }) => result === 'invalid')) {
        let keys: ReadonlyMap<string, VerificationKey> = new Map()
        try {
          keys = keySet()
        } catch {}
        expect(verifies(jws, keys)).toBe(result === 'valid')
      }
    },
  )
})
