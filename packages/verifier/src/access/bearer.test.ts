import { fakeClock, testIssuer } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { createVerifier } from '../verifier.ts'
import { authenticateBearer, type BearerOptions, bearerGuard } from './bearer.ts'

const clock = fakeClock()
const issuer = await testIssuer({ clock })
const { endpoint } = issuer

function open(options: { check?: () => boolean } = {}) {
  return createVerifier({ ...issuer.verifierOptions, ...options })
}
const verifier = open()
const ask = (headers: readonly string[], options?: BearerOptions) =>
  authenticateBearer(verifier, headers, options)

describe('JWKSAuthentication: Bearer credentials (R43, RFC 6750)', () => {
  it.each(['Bearer', 'bearer', 'BEARER', 'Bearer  '])(
    'gives the session for the scheme %j',
    async (scheme) => {
      expect(await ask([`${scheme} ${await issuer.token()}`])).toMatchObject({
        session: { userId: 'user-1' },
      })
    },
  )

  it.each([[[]], [['']], [['Basic dXNlcjpwYXNz']], [['DPoP abc']], [['NotBearer a']], [['Bearers a']]])(
    'asks whoever has none, without an error code: %j',
    async (headers) => {
      const challenge = { 'www-authenticate': 'Bearer realm="keyturn"' }
      const refusal = { status: 401, code: 'token_missing', headers: challenge }
      expect(await ask(headers)).toMatchObject({ refusal })
    },
  )

  it.each([
    ['Bearer'],
    ['Bearer '],
    ['Bearer a b'],
    ['Bearer a, Bearer b'],
    ['Bearer a,b'],
    ['Bearer "a"'],
    ['Bearer ä'],
    ['Bearer\ta'],
    ['Bearer a\r\nx: y'],
    ['Bearer a=b'],
    ['Bearer ='],
    ['Basic eDp5, Bearer a'],
    ['Basic eDp5,Bearer a'],
    ['Basic eDp5,  bearer a'],
  ])('calls %j a malformed request', async (header) => {
    const challenge =
      'Bearer realm="keyturn", error="invalid_request", error_description="authorization_malformed"'
    const refusal = { status: 400, headers: { 'www-authenticate': challenge } }
    expect(await ask([header])).toMatchObject({ refusal })
  })

  it('refuses more than one header, though each were good', async () => {
    const good = `Bearer ${await issuer.token()}`
    for (const headers of [
      [good, good],
      ['Basic x', good],
      [good, 'Basic x'],
    ]) {
      expect(await ask(headers)).toMatchObject({ refusal: { status: 400, code: 'authorization_malformed' } })
    }
  })

  it('says why a token is refused, by its code alone', async () => {
    const token = await issuer.forgedToken({ sub: 'mallory' })
    const outcome = await ask([`Bearer ${token}`])
    expect(outcome).toEqual({
      refusal: {
        status: 401,
        code: 'signature_invalid',
        detail: 'the token is not accepted',
        headers: {
          'www-authenticate':
            'Bearer realm="keyturn", error="invalid_token", error_description="signature_invalid"',
        },
      },
    })
  })

  it.each([
    ['expired', () => issuer.expiredToken(), 'token_expired'],
    ['another audience', () => issuer.token({ aud: 'other' }), 'audience_mismatch'],
    ['another issuer', () => issuer.token({ iss: 'other' }), 'issuer_mismatch'],
    ['another kind', () => issuer.token({}, { typ: 'rt+jwt' }), 'header_typ_refused'],
    ['no JWT', async () => 'opaque', 'token_malformed'],
    ['no JWT but a b64token', async () => 'a-._~+/9==', 'token_malformed'],
  ])('refuses a token of this sort with 401: %s', async (_, make, code) => {
    expect(await ask([`Bearer ${await make()}`])).toMatchObject({ refusal: { status: 401, code } })
  })

  it('asks for every scope, compared whole', async () => {
    const header = `Bearer ${await issuer.token({ scope: 'orders:read orders:list' })}`
    expect(await ask([header], { scopes: ['orders:read', 'orders:list'] })).toHaveProperty('session')
    expect(await ask([header], { scopes: ['orders:read', 'orders:write'] })).toMatchObject({
      refusal: {
        status: 403,
        headers: {
          'www-authenticate':
            'Bearer realm="keyturn", error="insufficient_scope", error_description="scope_missing", scope="orders:read orders:write"',
        },
      },
    })
    expect(await ask([header], { scopes: ['orders'] })).toMatchObject({ refusal: { status: 403 } })
  })

  it('lets only the kinds of session pass that it was told', async () => {
    const user = `Bearer ${await issuer.token()}`
    const client = `Bearer ${await issuer.clientToken()}`
    expect(await ask([user], { kinds: ['user'] })).toHaveProperty('session')
    expect(await ask([client], { kinds: ['user'] })).toMatchObject({
      refusal: { status: 401, code: 'session_kind_refused' },
    })
    expect(await ask([client], { kinds: ['user', 'client'] })).toHaveProperty('session')
  })

  it('takes no options that are inherited, as from a class', async () => {
    await expect(ask([], Object.create({ scopes: ['a'] }))).rejects.toMatchObject({
      code: 'guard_options_invalid',
    })
  })

  it.each([7, null, 'a\r\nb: c', 'ä', '\u007f'])(
    'takes no realm that is no printable ASCII: %j',
    async (realm) => {
      await expect(ask([], { realm } as never)).rejects.toMatchObject({
        code: 'guard_options_invalid',
        message: 'realm: expected printable ASCII',
      })
    },
  )

  it('looks at its options before anything else, and at the rules among them', async () => {
    const options = { scopes: 'read' } as never
    for (const time of ['first', 'second']) {
      await expect(ask([], options), time).rejects.toMatchObject({ code: 'guard_options_invalid' })
    }
  })

  it.each([
    ['token_missing', 401, undefined],
    ['authorization_malformed', 400, 'invalid_request'],
    ['subprotocol_missing', 400, 'invalid_request'],
    ['authentication_pending', 400, 'invalid_request'],
    ['session_over', 401, 'invalid_token'],
    ['session_kind_refused', 401, 'invalid_token'],
    ['caller_changed', 403, 'insufficient_scope'],
    ['user_unverified', 403, 'insufficient_scope'],
    ['role_refused', 403, 'insufficient_scope'],
    ['scope_missing', 403, 'insufficient_scope'],
    ['signature_invalid', 401, 'invalid_token'],
  ])('answers %s with %d and the error %s, in words too', (code, status, error) => {
    const { refusal } = bearerGuard(verifier, { realm: '', scopes: ['a', 'b'] }).refused(code)
    expect(refusal).toMatchObject({ status, code, detail: expect.stringMatching(/^[a-z ]{10}/i) })
    const parts = error === undefined ? '' : `, error="${error}", error_description="${code}"`
    const scope = code === 'scope_missing' ? ', scope="a b"' : ''
    expect(refusal.headers).toEqual({ 'www-authenticate': `Bearer realm=""${parts}${scope}` })
  })

  it('is made with a verifier', () => {
    for (const wrong of [undefined, null, {}, { scopes: ['read'] }]) {
      expect(() => bearerGuard(wrong as never, {})).toThrow('verifier: expected what createVerifier makes')
    }
  })

  it('goes by the rules as they were when it was made', async () => {
    const options = { scopes: ['orders:read'], kinds: ['client' as const] }
    const guard = bearerGuard(verifier, options)
    options.scopes.pop()
    options.kinds.push('user' as never)
    const outcome = await guard.decideOnToken(await issuer.token())
    expect(outcome).toMatchObject({ refusal: { code: 'session_kind_refused' } })
    expect(guard.refused('scope_missing').refusal.headers['www-authenticate']).toContain(
      'scope="orders:read"',
    )
  })

  it('keeps the realm inside its quotes', async () => {
    expect(await ask([], { realm: 'a "b" \\ c' })).toMatchObject({
      refusal: { headers: { 'www-authenticate': 'Bearer realm="a \\"b\\" \\\\ c"' } },
    })
  })
})

describe('JWKSFetchError: Bearer credentials while keys cannot be had (R40)', () => {
  it('is 503 with Retry-After and no challenge', async () => {
    endpoint.fail()
    const cold = open()
    const outcome = await authenticateBearer(cold, [`Bearer ${await issuer.token()}`])
    cold.close()
    endpoint.recover()
    expect(outcome).toEqual({
      refusal: {
        status: 503,
        code: 'keys_unavailable',
        detail: 'the token cannot be checked now',
        headers: { 'retry-after': '1' },
      },
    })
  })

  it('throws what is a bug, and calls nobody to account for it', async () => {
    const broken = open({
      check() {
        throw new RangeError('a bug')
      },
    })
    const asked = authenticateBearer(broken, [`Bearer ${await issuer.token()}`])
    await expect(asked).rejects.toThrow(RangeError)
    broken.close()
  })
})
