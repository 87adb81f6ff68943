import { describe, expect, it } from 'vitest'
import { claimedIssuer } from './claimed-issuer.ts'
import { ISSUER, issue, outcomeOf, SIGNERS, signLiterally } from './issuer.fixture.ts'

const HEADER = { alg: 'EdDSA', kid: SIGNERS.EdDSA.jwk.kid, typ: 'at+jwt' }

describe('the issuer that a token claims (R44)', () => {
  it('is read as it stands, whoever has signed', () => {
    expect(claimedIssuer(issue(), 8192)).toBe(ISSUER)
  })

  it.each([
    ['token_not_a_string', undefined],
    ['token_malformed', 'a.b'],
    ['token_too_long', 'a'.repeat(8193)],
    ['token_not_canonical', `${issue()}=`],
    ['payload_malformed', signLiterally(SIGNERS.EdDSA, HEADER, 'no JSON')],
    ['payload_malformed', signLiterally(SIGNERS.EdDSA, HEADER, `{"iss":"a","iss":"${ISSUER}"}`)],
    ['payload_malformed', signLiterally(SIGNERS.EdDSA, HEADER, `{"iss":"a","\\u0069ss":"${ISSUER}"}`)],
    [
      'payload_malformed',
      signLiterally(SIGNERS.EdDSA, HEADER, `{"iss":"a","x":${'['.repeat(20)}${']'.repeat(20)}}`),
    ],
    ['claim_missing', issue({ claims: { iss: undefined } })],
    ['claim_malformed', issue({ claims: { iss: [ISSUER] } })],
    ['claim_malformed', issue({ claims: { iss: null } })],
  ])('is refused as %s', (code, token) => {
    expect(outcomeOf(() => claimedIssuer(token, 8192))).toBe(code)
  })

  it.each([undefined, [ISSUER]])('is named where it is at fault: %j', (iss) => {
    const named = expect.objectContaining({ claim: 'iss' })
    expect(() => claimedIssuer(issue({ claims: { iss } }), 8192)).toThrow(named)
  })
})
