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
  /** A shared secret, where there is no public half. */
  readonly private?: unknown
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

/** What a verifier is given. */
const materialOf = (group: Group) => group.public ?? group.private

/** Marked otherwise than they are: header and key name different algorithms; sound; a question mark in the base64url. */
const DEFECTS: ReadonlySet<number> = new Set([346, 347, 350, 351, 367, 370, 372, 373])
/** No payload: a good JWS, and no token, since it has no claims. */
const WITHOUT_CLAIMS: ReadonlySet<number> = new Set([259, 264, 268, 272, 320, 325])

describe.skipIf(isSkipped)('Wycheproof (R2, R42)', () => {
  const groups = groupsOf('json_web_signature_test.json')
  it.each(groups.map((group) => [`${group.tests[0]?.tcId} ${group.comment}`, group] as const))(
    'signatures: from %s',
    (_, group) => {
      const keys = keysOf(materialOf(group))
      const outcomes = group.tests.map(({ tcId, jws }) => [tcId, verifies(jws, keys)])
      const isGood = ({ tcId, result }: Vector) =>
        result === 'valid' && !isSecret(materialOf(group)) && !DEFECTS.has(tcId) && !WITHOUT_CLAIMS.has(tcId)
      expect(outcomes).toEqual(group.tests.map((vector) => [vector.tcId, isGood(vector)]))
    },
  )

  it('takes no shared secret for a key, whatever is signed with it', () => {
    const secrets = groups.map(materialOf).filter(isSecret)
    expect(secrets.length).toBeGreaterThan(0)
    for (const secret of secrets) {
      expect(() => parseJwk(secret, options)).toThrow(expect.objectContaining({ code: 'key_symmetric' }))
    }
  })

  it('has each of the vectors that are not what they are marked', () => {
    const ids = groups.flatMap(({ tests }) => tests.map(({ tcId }) => tcId))
    expect(ids).toEqual(expect.arrayContaining([...DEFECTS, ...WITHOUT_CLAIMS]))
  })

  it('has vectors for our algorithms', () => {
    const names = groups.flatMap((group) =>
      [...keysOf(materialOf(group)).values()].map((key) => key.algorithm.name),
    )
    expect([...new Set(names)].sort()).toEqual('ES256 PS256 PS384 PS512 RS256 RS384 RS512'.split(' '))
  })

  it.each(groupsOf('json_web_key_test.json').map((group) => [group.comment, group] as const))(
    'key sets: %s verifies what it must, and nothing else',
    (_, group) => {
      const material = materialOf(group)
      const keys = setOf(material)
      const hasSecrets = JSON.stringify(material).includes('"oct"')
      for (const { jws, result } of group.tests) {
        expect(verifies(jws, keys)).toBe(result === 'valid' && !hasSecrets)
      }
    },
  )
})

function setOf(material: unknown): ReadonlyMap<string, VerificationKey> {
  try {
    return parseJwkSet(Buffer.from(JSON.stringify(material)), options).keys
  } catch {
    return new Map()
  }
}

function isSecret(material: unknown): boolean {
  return (material as { kty?: string }).kty === 'oct'
}
