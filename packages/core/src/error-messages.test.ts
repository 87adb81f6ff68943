import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDuration } from './duration.ts'
import { KeysUnavailable, KeyturnError, TOKEN_REJECTIONS, TokenRejected } from './errors.ts'
import { accept, CLAIMS, issue, SIGNERS, signLiterally } from './issuer.fixture.ts'
import { parseJwk } from './jwk.ts'
import { parseJwkSet } from './jwk-set.ts'

/** Long enough that no message holds it by chance, and within every alphabet that is checked. */
const marker = fc
  .uint8Array({ minLength: 12, maxLength: 12 })
  .map((bytes) => `zz${Buffer.from(bytes).toString('hex')}zz`)

/** All that a log would print of an error. */
function textOf(action: () => unknown): string {
  try {
    action()
    return ''
  } catch (error) {
    const texts: string[] = []
    for (let at = error; at instanceof Error; at = at.cause) {
      texts.push(at.message, String(at.stack), JSON.stringify(at), JSON.stringify(Object.values(at)))
    }
    return texts.join('\n')
  }
}

function assertSilent(attempts: (mark: string) => readonly (() => unknown)[]): void {
  fc.assert(
    fc.property(marker, (mark) => {
      for (const attempt of attempts(mark)) expect(textOf(attempt)).not.toContain(mark)
    }),
    { numRuns: 40 },
  )
}

describe('error messages never hold input (R42, R75)', () => {
  it('of the token, its header or its claims', () => {
    assertSilent((mark) => [
      ...[mark, `{"${mark}`, `${mark}.${mark}`, `${mark}.${mark}.${mark}`, `${mark}..${mark}`].map(
        (it) => () => accept(it),
      ),
      ...[`Bearer ${mark}`, `${mark}.${mark}.${mark}=`, `${issue()}.${mark}`, mark.repeat(400)].map(
        (it) => () => accept(it),
      ),
      ...['alg', 'kid', 'typ', 'crit', 'enc', 'cty', mark].flatMap((member) =>
        [mark, [mark], { [mark]: mark }].map((value) => () => accept(issue({ header: { [member]: value } }))),
      ),
      ...[...Object.keys(CLAIMS), 'nbf', 'scope', 'type', 'role', 'verified'].flatMap((claim) =>
        [mark, [mark, 1], { [mark]: mark }].map(
          (value) => () => accept(issue({ claims: { [claim]: value } })),
        ),
      ),
      () => accept(signLiterally(SIGNERS.EdDSA, `{"${mark}"`)),
      () =>
        accept(
          signLiterally(SIGNERS.EdDSA, { alg: 'EdDSA', kid: SIGNERS.EdDSA.jwk.kid, typ: 'at+jwt' }, mark),
        ),
    ])
  })

  it('of a key or a key set, nor does the cause below', () => {
    const { RS256, ES256, EdDSA } = SIGNERS
    assertSilent((mark) => [
      ...[RS256, ES256, EdDSA].flatMap(({ jwk }) =>
        ['kty', 'crv', 'kid', 'alg', 'use', 'key_ops', 'n', 'e', 'x', 'y', 'd', 'k', 'exp'].map(
          (member) => () => parseJwk({ ...jwk, [member]: mark }),
        ),
      ),
      () =>
        parseJwk(
          { ...ES256.jwk, y: `${mark}${mark}`.slice(0, 42).padEnd(43, 'A') },
          { allowForeignKids: true },
        ),
      () => parseJwk(mark),
      ...[mark, `{"keys":"${mark}"}`, `{"keys":["${mark}"]}`].map((it) => () => parseJwkSet(Buffer.from(it))),
    ])
  })

  it('of a duration', () =>
    assertSilent((mark) => [() => parseDuration(mark), () => parseDuration(`5${mark}`)]))

  it('is no empty promise: these attempts do fail, one of them with a cause', () => {
    expect(textOf(() => accept('zz'))).toContain('token refused')
    const y = Buffer.alloc(32, 1).toString('base64url')
    expect(textOf(() => parseJwk({ ...SIGNERS.ES256.jwk, y }, { allowForeignKids: true }))).toContain(
      'Invalid JWK',
    )
  })
})

describe('errors (R40, R42)', () => {
  it('are told apart by class, name and code', () => {
    const rejected = new TokenRejected('claim_malformed', { claim: 'sub' })
    const unavailable = new KeysUnavailable('the key set does not answer', { cause: rejected })
    expect(rejected).toBeInstanceOf(KeyturnError)
    expect(rejected).not.toBeInstanceOf(KeysUnavailable)
    expect(unavailable).not.toBeInstanceOf(TokenRejected)
    expect(rejected).toMatchObject({ name: 'TokenRejected', code: 'claim_malformed', claim: 'sub' })
    expect(unavailable).toMatchObject({ name: 'KeysUnavailable', code: 'keys_unavailable', cause: rejected })
    expect(rejected.message).toMatch(/^token refused: expected .+ \(sub\)$/)
    expect('cause' in rejected).toBe(false)
  })

  it.each([
    [undefined, 5],
    [0, 1],
    [-3, 1],
    [0.2, 1],
    [7.1, 8],
  ])('ask to come back after whole seconds, one at least: %s', (given, seconds) => {
    const options = given === undefined ? {} : { retryAfterSeconds: given }
    expect(new KeysUnavailable('later', options).retryAfterSeconds).toBe(seconds)
  })

  it.each(Object.entries(TOKEN_REJECTIONS))('%s says what was expected', (code, expectation) => {
    expect(code).toMatch(/^[a-z0-9]+(_[a-z0-9]+)+$/)
    expect(expectation).toMatch(/^expected [^\n]+[^.]$/)
  })
})
