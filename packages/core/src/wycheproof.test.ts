import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseJsonObject } from './json.ts'
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

/** No key where the group has a shared secret, or a key for encryption, or one for "ES521", which is no algorithm. */
function keysOf(jwk: unknown): ReadonlyMap<string, VerificationKey> {
  try {
    const key = parseJwk(jwk, options)
    return new Map([[key.kid, key]])
  } catch {
    return new Map()
  }
}

/** Marked valid, though the header names another algorithm than the key. */
const MISLABELLED: ReadonlySet<number> = new Set([346, 350])

describe.skipIf(isSkipped)('Wycheproof (R2, R42)', () => {
  const groups = groupsOf('json_web_signature_test.json')
  it.each(groups.map((group) => [`${group.tests[0]?.tcId} ${group.comment}`, group] as const))(
    'signatures: from %s',
    (_, group) => {
      const keys = keysOf(group.public)
      const outcomes = group.tests.map(({ tcId, jws }) => [tcId, verifies(jws, keys)])
      // an empty payload makes a good JWS, but no token: it has no claims
      const isGood = ({ tcId, jws, result }: Vector) =>
        keys.size > 0 && result === 'valid' && !MISLABELLED.has(tcId) && !String(jws).includes('..')
      expect(outcomes).toEqual(group.tests.map((vector) => [vector.tcId, isGood(vector)]))
    },
  )

  it('has vectors for our algorithms', () => {
    const names = groups.flatMap((group) =>
      [...keysOf(group.public).values()].map((key) => key.algorithm.name),
    )
    expect([...new Set(names)].sort()).toEqual('ES256 PS256 PS384 PS512 RS256 RS384 RS512'.split(' '))
  })

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
