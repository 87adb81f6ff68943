import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { openVerifier } from '../open-verifier.fixture.ts'

const SECOND = 1000

describe('a verifier that gets ready (R37)', () => {
  it('tries once by default', async () => {
    const { endpoint, verifier } = await openVerifier()
    endpoint.fail()
    expect(await codeOf(verifier.ready())).toBe('keys_unavailable')
    expect(endpoint.fetches).toBe(1)
  })

  it('tries on until its deadline where it has one', async () => {
    const { clock, endpoint, verifier } = await openVerifier()
    endpoint.fail()
    const ready = codeOf(verifier.ready({ withinSeconds: 8 }))
    await clock.advance(8 * SECOND)
    expect(await ready).toBe('keys_unavailable')
    expect(endpoint.fetches).toBe(4)
  })

  it('makes the attempt that falls on its deadline', async () => {
    const { clock, endpoint, verifier } = await openVerifier()
    endpoint.fail()
    const ready = codeOf(verifier.ready({ withinSeconds: 3 }))
    await clock.advance(2999)
    endpoint.recover()
    await clock.advance(1)
    expect(await ready).toBe('none')
    expect(endpoint.fetches).toBe(3)
  })

  it('is ready as soon as the endpoint answers', async () => {
    const { clock, endpoint, verifier } = await openVerifier()
    endpoint.fail()
    const ready = codeOf(verifier.ready({ withinSeconds: 30 }))
    await clock.advance(2 * SECOND)
    endpoint.recover()
    await clock.advance(SECOND)
    expect(await ready).toBe('none')
    expect(verifier.health()).toMatchObject({ status: 'fresh', circuit: 'closed' })
  })

  it('gives up when it is closed', async () => {
    const { clock, endpoint, verifier } = await openVerifier()
    endpoint.fail()
    const ready = codeOf(verifier.ready({ withinSeconds: 30 }))
    await clock.advance(0)
    const timers = clock.pendingTimers
    verifier.close()
    await clock.advance(0)
    expect(await Promise.race([ready, 'goes on'])).toBe('keys_unavailable')
    expect(timers).toBeGreaterThan(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it('tries once where its deadline is no number', async () => {
    const { endpoint, verifier } = await openVerifier()
    endpoint.fail()
    expect(await codeOf(verifier.ready({ withinSeconds: Number.NaN }))).toBe('keys_unavailable')
    expect(endpoint.fetches).toBe(1)
  })
})
