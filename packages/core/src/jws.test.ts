import { generateKeyPairSync } from 'node:crypto'
import { compactVerify, importJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { ALGORITHM_NAMES, ALGORITHMS } from './algorithms.ts'
import { CLAIMS, issue, outcomeOf, SIGNERS, signatureOf, signerOf } from './issuer.fixture.ts'
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
    ['nothing', '', 'token_malformed'],
    ['dots alone', '..', 'token_malformed'],
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

describe('signCompact', () => {
  it.each(ALGORITHM_NAMES)('makes a %s token that jose verifies', async (name) => {
    const token = await signCompact(SIGNERS[name].signingKey, { typ: 'at+jwt' }, CLAIMS)
    const { protectedHeader, payload } = await compactVerify(token, await importJWK(SIGNERS[name].jwk))
    expect(protectedHeader).toEqual({ alg: name, kid: SIGNERS[name].jwk.kid, typ: 'at+jwt' })
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual(CLAIMS)
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

describe('invalid signature: numbers out of range (R42, R63)', () => {
  const bytes = Buffer.from('signed')
  const big = (part: Uint8Array) => BigInt(`0x${Buffer.from(part).toString('hex')}`)
  const bytes32 = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex')

  it('refuses ECDSA with r or s of zero, of the order or beyond', () => {
    const { key, privateKey } = SIGNERS.ES256
    const signed = signatureOf(privateKey, 'ES256', bytes)
    const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
    const top = 2n ** 256n - 1n
    const [r, s] = [big(signed.subarray(0, 32)), big(signed.subarray(32))]
    const verify = (pair: readonly [bigint, bigint]) =>
      verifySignature(key, bytes, Buffer.concat(pair.map(bytes32)))
    expect(verify([r, s])).toBe(true)
    const odd = [0n, order, order + 1n, top].flatMap((it) => [
      [it, s] as const,
      [r, it] as const,
      [it, it] as const,
    ])
    expect(odd.map(verify)).toEqual(odd.map(() => false))
  })

  it('refuses ECDSA in DER', () => {
    const der = signatureOf(SIGNERS.ES256.privateKey, 'ES256', bytes)
    const [r, s] = [der.subarray(0, 32), der.subarray(32)]
    const integer = (part: Buffer) => Buffer.concat([Buffer.from([2, 33, 0]), part])
    const sequence = Buffer.concat([Buffer.from([0x30, 70]), integer(r), integer(s)])
    expect(verifySignature(SIGNERS.ES256.key, bytes, sequence)).toBe(false)
  })

  it('refuses Ed25519 with an S that is not reduced (RFC 8032, section 5.1.7)', () => {
    const signed = signatureOf(SIGNERS.EdDSA.privateKey, 'EdDSA', bytes)
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const s = big(Buffer.from(signed.subarray(32)).reverse())
    const withS = (value: bigint) => Buffer.concat([signed.subarray(0, 32), bytes32(value).reverse()])
    expect(verifySignature(SIGNERS.EdDSA.key, bytes, withS(s))).toBe(true)
    for (const times of [1n, 2n, 15n]) {
      expect(verifySignature(SIGNERS.EdDSA.key, bytes, withS(s + times * order))).toBe(false)
    }
  })

  it('refuses RSA beyond the modulus', () => {
    const { key, jwk, privateKey } = SIGNERS.RS256
    const modulus = big(Buffer.from((jwk as { n: string }).n, 'base64url'))
    const signed = big(signatureOf(privateKey, 'RS256', bytes))
    for (const value of [modulus, modulus + 1n, 0n, 1n, modulus - 1n, 2n ** 2048n - 1n]) {
      const forged = Buffer.from(value.toString(16).padStart(512, '0'), 'hex')
      expect(verifySignature(key, bytes, forged)).toBe(false)
    }
    const unreduced = (signed + modulus).toString(16).padStart(514, '0')
    expect(verifySignature(key, bytes, Buffer.from(unreduced, 'hex'))).toBe(false)
  })

  it.each(ALGORITHM_NAMES)('refuses a %s signature that is shorter or longer than the key makes', (name) => {
    const signed = signatureOf(SIGNERS[name].privateKey, name, bytes)
    const zero = Buffer.alloc(1)
    const others = [
      signed.subarray(1),
      signed.subarray(0, -1),
      Buffer.concat([signed, zero]),
      Buffer.concat([zero, signed]),
      Buffer.alloc(0),
    ]
    expect(others.map((other) => verifySignature(SIGNERS[name].key, bytes, other))).toEqual(
      others.map(() => false),
    )
    expect(verifySignature(SIGNERS[name].key, bytes, Buffer.alloc(signed.length))).toBe(false)
  })

  it('makes a signature as long as a modulus whose length is no multiple of eight', () => {
    const signer = signerOf(generateKeyPairSync('rsa', { modulusLength: 2052 }).privateKey, 'RS256')
    expect(signer.key.signatureBytes).toBe(257)
    expect(verifySignature(signer.key, bytes, signatureOf(signer.privateKey, 'RS256', bytes))).toBe(true)
  })

  it('goes by the length that belongs to the key, before any arithmetic', () => {
    const signed = signatureOf(SIGNERS.EdDSA.privateKey, 'EdDSA', bytes)
    expect(verifySignature({ ...SIGNERS.EdDSA.key, signatureBytes: 65 }, bytes, signed)).toBe(false)
  })

  it('turns a failure of the library below into a refusal', () => {
    const broken = { ...SIGNERS.EdDSA.key, algorithm: { ...ALGORITHMS.EdDSA, digest: 'sha256' } }
    const signed = signatureOf(SIGNERS.EdDSA.privateKey, 'EdDSA', bytes)
    expect(verifySignature(broken, bytes, signed)).toBe(false)
  })
})
