import { compactVerify, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { availableAlgorithms } from './available-algorithms.ts'
import { CLAIMS, issue, outcomeOf, SIGNERS, signatureOf } from './issuer.fixture.ts'
import { signCompact, splitCompact, verifySignature } from './jws.ts'

const CAP = 8192
const outcome = (token: unknown) => outcomeOf(() => splitCompact(token, CAP))
const good = issue()
const [header = '', payload = '', signature = ''] = good.split('.')

describe('token text (R42, RFC 7515 section 7.1)', () => {
  it('splits a token and keeps what was signed', () => {
    expect(splitCompact(good, CAP)).toEqual({
      header,
      payload,
      signature,
      signingInput: `${header}.${payload}`,
    })
  })

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a number', 1],
    ['a list', [good]],
    ['a String object', Object(good)],
    ['bytes', Buffer.from(good)],
    ['something that turns into a token', { toString: () => good, trim: () => good, length: 3 }],
    ['a symbol', Symbol('token')],
    ['something that throws when touched', new Proxy({}, { get: () => expect.fail('touched') })],
  ])('refuses %s without a TypeError', (_, value) => expect(outcome(value)).toBe('token_not_a_string'))

  it('measures before it looks', () => {
    const fill = (length: number) => `${good.slice(0, good.lastIndexOf('.') + 1)}`.padEnd(length, 'A')
    expect(outcome(fill(CAP))).toBe('accepted')
    expect(outcome(fill(CAP + 1))).toBe('token_too_long')
    expect(outcome('{'.repeat(50_000_000))).toBe('token_too_long')
  })

  it.each([
    ['JSON, flattened', JSON.stringify({ protected: header, payload, signature }), 'token_json_serialized'],
    ['JSON, general', `\n {"payload":"${payload}","signatures":[]}`, 'token_json_serialized'],
    ['a JWE', `${header}..${payload}.${signature}.${signature}`, 'token_encrypted'],
    ['a detached payload', `${header}..${signature}`, 'token_detached_payload'],
    ['an unsecured token', `${header}.${payload}.`, 'token_malformed'],
    ['no header', `.${payload}.${signature}`, 'token_malformed'],
    ['a space before a detached payload', ` ${header}..${signature}`, 'token_malformed'],
    ['a space after a detached payload', `${header}..${signature} `, 'token_malformed'],
    ['one part with padding', `${header}=`, 'token_malformed'],
    ['nothing', '', 'token_malformed'],
    ['dots alone', '..', 'token_malformed'],
    ['one part', signature, 'token_malformed'],
    ['two parts', `${header}.${payload}`, 'token_malformed'],
    ['four parts', `${good}.${signature}`, 'token_malformed'],
    ['six parts', `${good}.${good}`, 'token_malformed'],
    ['the Bearer scheme before it', `Bearer ${good}`, 'token_malformed'],
    ['a space before', ` ${good}`, 'token_malformed'],
    ['a newline after', `${good}\n`, 'token_malformed'],
    ['a newline between', `${header}.\n${payload}.${signature}`, 'token_malformed'],
    ['a carriage return', `${good}\r`, 'token_malformed'],
    ['a NUL', `${good}\0`, 'token_malformed'],
    ['a byte order mark', `\ufeff${good}`, 'token_malformed'],
    ['a zero-width space', `${header}\u200b.${payload}.${signature}`, 'token_malformed'],
    ['a full-width letter', `${good.slice(0, -1)}Ａ`, 'token_malformed'],
    ['a lone surrogate', `${good}\ud800`, 'token_malformed'],
    ['percent encoding', good.replace('.', '%2E'), 'token_malformed'],
    ['the standard alphabet', `${header}.${payload}+/.${signature}`, 'token_malformed'],
    ['quotes', `"${good}"`, 'token_malformed'],
    ['a comma and another token', `${good},${good}`, 'token_encrypted'],
    ['padding', `${header}.${payload}.${signature}==`, 'token_not_canonical'],
    ['a header of length 1 modulo 4', `AAAAA.${payload}.${signature}`, 'token_not_canonical'],
    ['a payload of length 1 modulo 4', `${header}.AAAAA.${signature}`, 'token_not_canonical'],
    ['a signature of length 1 modulo 4', `${header}.${payload}.AAAAA`, 'token_not_canonical'],
    ['unused bits in the header', `QR.${payload}.${signature}`, 'token_not_canonical'],
    ['unused bits in the payload', `${header}.QR.${signature}`, 'token_not_canonical'],
    ['unused bits in the signature', `${header}.${payload}.QR`, 'token_not_canonical'],
  ])('refuses %s', (_, token, code) => expect(outcome(token)).toBe(code))
})

describe('verifySignature (R42)', () => {
  const bytes = Buffer.from('signed')

  it.each(availableAlgorithms())('of %s holds for what its key signed, and for nothing else', (name) => {
    const { key, privateKey } = SIGNERS[name]
    const good = signatureOf(privateKey, name, bytes)
    expect(verifySignature(key, bytes, good)).toBe(true)
    expect(verifySignature(key, Buffer.from('other'), good)).toBe(false)
    const middle = good.length >> 1
    const odd = [
      good.with(middle, (good[middle] ?? 0) ^ 1),
      good.subarray(1),
      Buffer.concat([good, Buffer.alloc(1)]),
      new Uint8Array(good.length),
      new Uint8Array(),
    ]
    for (const signature of odd) expect(verifySignature(key, bytes, signature)).toBe(false)
  })

  it('does not hold where the library below fails, whatever the reason', () => {
    const { key, privateKey } = SIGNERS.EdDSA
    const signature = signatureOf(privateKey, 'EdDSA', bytes)
    expect(verifySignature({ ...key, cryptoKey: {} as never }, bytes, signature)).toBe(false)
  })
})

describe('signCompact', () => {
  it.each(availableAlgorithms())('makes a %s token that jose verifies', async (name) => {
    const token = await signCompact(SIGNERS[name].signingKey, { typ: 'at+jwt' }, CLAIMS)
    const { protectedHeader, payload } = await compactVerify(token, await importJWK(SIGNERS[name].jwk))
    expect(protectedHeader).toEqual({ alg: name, kid: SIGNERS[name].jwk.kid, typ: 'at+jwt' })
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual(CLAIMS)
  })

  it('gives each token the typ that it is to have', async () => {
    const typs = ['at+jwt', 'jwk-set+jwt', 'jwk-set+jwt', 'at+jwt']
    const tokens = await Promise.all(
      typs.map((typ) => signCompact(SIGNERS.EdDSA.signingKey, { typ }, CLAIMS)),
    )
    const headers = tokens.map((token) => Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
    expect(headers.map((header) => JSON.parse(header).typ)).toEqual(typs)
  })

  it('takes alg and kid from the key, whatever the header says', async () => {
    const header = { typ: 'at+jwt', alg: 'none', kid: 'other', crit: ['exp'] }
    const token = await signCompact(SIGNERS.EdDSA.signingKey, header, CLAIMS)
    expect(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())).toEqual({
      alg: 'EdDSA',
      kid: SIGNERS.EdDSA.jwk.kid,
      typ: 'at+jwt',
    })
  })
})
