import type { KeysUnavailable } from '@keyturn/core'
import { codeOf, fakeClock, testIssuer } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { createMultiVerifier } from './multi-verifier.ts'
import type { TokenEnd } from './token-watch.ts'
import { createVerifier } from './verifier.ts'
import type { VerifierOptions } from './verifier-options.ts'

const SECOND = 1000
const STAFF = 'https://staff.test'
const CUSTOMERS = 'https://customers.test'

async function open(ofCustomers: Partial<VerifierOptions> = {}) {
  const clock = fakeClock()
  const staff = await testIssuer({ clock, issuer: STAFF })
  const customers = await testIssuer({ clock, issuer: CUSTOMERS })
  const optionsOf = ({ verifierOptions }: typeof staff) => ({ ...verifierOptions, random: () => 1 })
  const verifier = createMultiVerifier([optionsOf(staff), { ...optionsOf(customers), ...ofCustomers }])
  return { clock, staff, customers, verifier }
}

describe('a verifier of several issuers (R44)', () => {
  it('verifies a token of each, and says whose it is', async () => {
    const { staff, customers, verifier } = await open()
    for (const issuer of [staff, customers]) {
      const jwt = await issuer.token({ sub: 'alice' })
      const token = await verifier.verify(jwt)
      expect(verifier.session(token)).toMatchObject({ userId: 'alice', claims: { iss: issuer.issuer } })
      expect(verifier.verifySync(jwt)).toEqual(token)
    }
  })

  it('never takes a key of one for a token that names another', async () => {
    const { staff, customers, verifier } = await open()
    await verifier.ready()
    expect(await codeOf(verifier.verify(await staff.token({ iss: CUSTOMERS })))).toBe('key_unknown')
    expect(await codeOf(verifier.verify(await customers.token({ iss: STAFF })))).toBe('key_unknown')
  })

  it('does not even where both publish one kid', async () => {
    const { staff, customers, verifier } = await open({ allowForeignKids: true })
    const [key] = customers.jwks().keys
    customers.endpoint.serve({ keys: [{ ...key, kid: staff.kid }] })
    await verifier.ready()
    expect(await codeOf(verifier.verify(await staff.token({ iss: CUSTOMERS })))).toBe('signature_invalid')
    expect(await codeOf(verifier.verify(await staff.token()))).toBe('none')
  })

  it('holds each to its own policy', async () => {
    const { clock, staff, customers, verifier } = await open({ maxAgeSeconds: 60 })
    await verifier.ready()
    const [ofStaff, ofCustomers] = await Promise.all([staff.token(), customers.token()])
    await clock.advance(100 * SECOND)
    expect(await codeOf(verifier.verify(ofStaff))).toBe('none')
    expect(await codeOf(verifier.verify(ofCustomers))).toBe('token_too_old')
  })

  it.each([
    ['issuer_mismatch', { iss: 'https://stranger.test' }],
    ['issuer_mismatch', { iss: `${STAFF}/` }],
    ['claim_missing', { iss: undefined }],
    ['claim_malformed', { iss: [STAFF] }],
  ])('refuses as %s, and asks nobody for keys: %j', async (code, claims) => {
    const { staff, customers, verifier } = await open()
    const jwt = await staff.token(claims)
    expect(await codeOf(verifier.verify(jwt))).toBe(code)
    expect(() => verifier.verifySync(jwt)).toThrow(expect.objectContaining({ code }))
    expect(verifier.health().unassigned).toEqual({ [code]: 2 })
    expect(staff.endpoint.fetches + customers.endpoint.fetches).toBe(0)
  })

  it('takes a token as long as the issuer with the longest takes, and no longer', async () => {
    const { staff, customers, verifier } = await open({ maxTokenLength: 10_000 })
    const padding = 'x'.repeat(6500)
    expect(await codeOf(verifier.verify(await customers.token({ padding })))).toBe('none')
    expect(await codeOf(verifier.verify(await staff.token({ padding })))).toBe('token_too_long')
    expect(await codeOf(verifier.verify('x'.repeat(10_001)))).toBe('token_too_long')
    expect(verifier.health().unassigned).toEqual({ token_too_long: 1 })
  })

  it('watches a token by the keys of its own issuer', async () => {
    const { clock, staff, customers, verifier } = await open()
    const ends: [string, TokenEnd][] = []
    for (const issuer of [staff, customers]) {
      verifier.watch(await verifier.verify(await issuer.token()), (end) => ends.push([issuer.issuer, end]))
    }
    await staff.revoke()
    await clock.advance(900 * SECOND)
    expect(ends).toEqual([[STAFF, expect.objectContaining({ code: 'key_unknown' })]])
  })

  it('watches no token of an issuer that it does not know', async () => {
    const { clock, verifier } = await open()
    const { verifierOptions, token } = await testIssuer({ clock })
    const other = createVerifier(verifierOptions)
    const verified = await other.verify(await token())
    other.close()
    expect(() => verifier.watch(verified, () => {})).toThrow(
      expect.objectContaining({ code: 'issuer_mismatch' }),
    )
  })
})

describe('one issuer that fails (R44)', () => {
  it('makes its own tokens KeysUnavailable, and no others', async () => {
    const { clock, staff, customers, verifier } = await open()
    customers.endpoint.fail()
    await verifier.ready()
    for (let ask = 0; ask < 3; ask++) {
      expect(await codeOf(verifier.verify(await customers.token()))).toBe('keys_unavailable')
      expect(await codeOf(verifier.verify(await staff.token()))).toBe('none')
    }
    const { issuers } = verifier.health()
    expect(issuers[STAFF]).toMatchObject({ status: 'fresh', verifications: { accepted: 3 } })
    expect(issuers[CUSTOMERS]).toMatchObject({
      status: 'unavailable',
      verifications: { keys_unavailable: 3 },
    })
    customers.endpoint.recover()
    await clock.advance(30 * SECOND)
    expect(await codeOf(verifier.verify(await customers.token()))).toBe('none')
  })

  it('spends no fetch of the others, however many kids are guessed in its name', async () => {
    const { staff, customers, verifier } = await open()
    await verifier.ready()
    const stranger = await testIssuer({ issuer: CUSTOMERS })
    for (let ask = 0; ask < 10; ask++) {
      await codeOf(verifier.verify(await stranger.token()))
      await stranger.rotate()
    }
    expect(customers.endpoint.fetches).toBeGreaterThan(1)
    expect(staff.endpoint.fetches).toBe(1)
    await staff.rotate()
    await staff.rotate()
    expect(await codeOf(verifier.verify(await staff.token()))).toBe('none')
  })

  it('is no start only where all fail: then the soonest says when to ask again', async () => {
    const { staff, customers, verifier } = await open()
    staff.endpoint.fail()
    customers.endpoint.fail()
    const error = await verifier.ready().catch((reason: KeysUnavailable) => reason)
    const message = expect.stringContaining(STAFF)
    expect(error).toMatchObject({ name: 'KeysUnavailable', retryAfterSeconds: 1, message })
  })

  it.each([STAFF, CUSTOMERS])('is no start where all fail: %s is the soonest', async (soonest) => {
    const { clock, staff, customers, verifier } = await open()
    const other = soonest === STAFF ? customers : staff
    for (const { endpoint } of [staff, customers]) endpoint.fail()
    await codeOf(verifier.verify(await other.token()))
    await clock.advance(SECOND)
    const error = await verifier.ready().catch((reason: KeysUnavailable) => reason)
    expect(verifier.health().issuers[other.issuer]).toMatchObject({ consecutiveFailures: 2 })
    expect(error).toMatchObject({ retryAfterSeconds: 1, message: expect.stringContaining(soonest) })
  })

  it('hides no bug of another behind it', async () => {
    const clock = fakeClock()
    let isBroken = false
    const broken = {
      ...clock,
      monotonicNow() {
        if (isBroken) throw new TypeError('a bug')
        return clock.monotonicNow()
      },
    }
    const { verifier } = await open({ clock: broken })
    isBroken = true
    await expect(verifier.ready()).rejects.toThrow('a bug')
  })
})

describe('options of a verifier of several issuers (R44)', () => {
  const good = { issuer: STAFF, audience: 'orders' }
  it.each([
    ['verifier_options_invalid', 'issuers: expected a list', []],
    ['verifier_options_invalid', 'issuers: expected a list', good],
    [
      'verifier_options_invalid',
      'issuer: expected each issuer once',
      [good, { ...good, audience: 'others' }],
    ],
    ['verifier_options_invalid', 'expected options as a plain object', [STAFF]],
    ['verifier_options_invalid', '"audiences" is no option', [{ ...good, audiences: 'others' }]],
    ['expectations_invalid', 'audience: expected', [good, { issuer: CUSTOMERS }]],
  ])('are refused as %s, %s: %j', (code, words, options) => {
    const message = expect.stringContaining(words)
    expect(() => createMultiVerifier(options as never)).toThrow(expect.objectContaining({ code, message }))
  })

  it('close them all', async () => {
    const { clock, staff, customers, verifier } = await open()
    await verifier.ready()
    verifier.close()
    await clock.advance(3600 * SECOND)
    expect([staff.endpoint.fetches, customers.endpoint.fetches]).toEqual([1, 1])
  })
})
