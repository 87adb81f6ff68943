import { codeOf, fakeClock } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import { KeyManager } from './manager.ts'
import { knownEverywhereAt, restoreRing } from './restoration.ts'
import { MemoryKeyStore } from './stores/memory-key-store.ts'
import { DEFAULT_POLICY, exposureOf, leadOf } from './timing.ts'

const policy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' } as const
const { timing } = policy
const claims = { iss: 'https://auth.test', aud: 'orders', sub: 'u1', jti: 'j1', client_id: 'c1' }
const options = { ttlSeconds: 60, typ: 'at+jwt' }
const expectations = { issuer: 'https://auth.test', audience: 'orders' }

/** A ring, a token of it, and a store into which it is restored after a time, under the settings of then. */
async function restored({ afterMs = 0, today = timing } = {}) {
  const clock = fakeClock()
  const kinds: string[] = []
  const before = await KeyManager.open({ store: new MemoryKeyStore(), policy, clock })
  const token = await before.sign(claims, options)
  const backup = before.ring()
  await before.close()
  await clock.advance(afterMs)
  const store = new MemoryKeyStore()
  const ring = await restoreRing(store, backup, { now: clock.now(), timing: today })
  const open = (serving: boolean) =>
    KeyManager.open({
      store,
      policy: { ...policy, timing: today },
      clock,
      serving,
      onEvent: ({ kind }) => kinds.push(kind),
    })
  return { clock, backup, ring, store, token, open, kinds }
}

describe('a ring out of a backup (R21)', () => {
  it('publishes and verifies, and signs nothing until it is confirmed', async () => {
    const { open, token, ring } = await restored()
    const keys = await open(true)
    expect(keys.verify(token, expectations).claims.sub).toBe('u1')
    expect(keys.publicJwks().keys.map(({ kid }) => kid)).toEqual(ring.keys.map(({ kid }) => kid))
    expect(await codeOf(keys.sign(claims, options))).toBe('ring_held')
    expect(keys.health()).toMatchObject({ status: 'degraded', held: true })
    await keys.confirm()
    expect(keys.verify(await keys.sign(claims, options), expectations).claims.sub).toBe('u1')
    expect(keys.health()).toMatchObject({ status: 'ok', held: false })
    await keys.close()
  })

  it('is confirmed once, by whoever asks, and says so once', async () => {
    const { open, kinds } = await restored()
    const keys = await open(false)
    await keys.confirm()
    const { generation } = keys.ring()
    await keys.confirm()
    expect(keys.ring().generation).toBe(generation)
    expect(kinds.filter((kind) => kind === 'ring-confirmed')).toHaveLength(1)
  })

  it('is newer than anything that was published, also for verifiers', async () => {
    const { backup, ring } = await restored()
    expect(ring.generation).toBeGreaterThanOrEqual(backup.generation + 1_000_000)
    expect(ring.publishedVersion).toBe(ring.generation)
  })

  it('is newer than what is known from elsewhere to have been', async () => {
    const { backup, clock } = await restored()
    const latestGeneration = clock.now()
    const ring = await restoreRing(new MemoryKeyStore(), backup, {
      now: clock.now(),
      timing,
      latestGeneration,
    })
    expect(ring.generation).toBe(latestGeneration + 1_000_000)
  })

  it('is newer than an earlier restore of the same backup, though nothing is left of that', async () => {
    const { backup, ring, clock } = await restored()
    await clock.advance(20_000)
    const again = await restoreRing(new MemoryKeyStore(), backup, { now: clock.now(), timing })
    expect(again.generation).toBeGreaterThan(ring.generation + 20)
  })

  it('moves no time of a key, and turns once after a long absence', async () => {
    const { backup, ring, open, clock } = await restored({ afterMs: 10 * timing.rotationIntervalMs })
    expect(ring.keys.map(({ activateAt, signUntil }) => [activateAt, signUntil])).toEqual(
      backup.keys.map(({ activateAt, signUntil }) => [activateAt, signUntil]),
    )
    const keys = await open(true)
    expect(keys.ring().keys.at(-1)?.activateAt).toBe(clock.now() + timing.rotationIntervalMs)
    await keys.close()
  })

  it('never goes over a ring that is whole', async () => {
    const { store, backup, clock, open } = await restored()
    const keys = await open(false)
    await keys.confirm()
    expect(await codeOf(restoreRing(store, backup, { now: clock.now(), timing }))).toBe('restore_refused')
  })

  it('gives way to another backup while it is held, and stays as it is for the same', async () => {
    const { store, backup, ring, clock } = await restored()
    const again = await restoreRing(store, backup, { now: clock.now() + 1, timing })
    expect(again.generation).toBe(ring.generation)
    const other = { ...backup, generation: 7 }
    const replaced = await restoreRing(store, other, { now: clock.now(), timing })
    expect([replaced.held?.generation, replaced.generation > ring.generation]).toEqual([7, true])
  })

  it('is known everywhere a lead after it was restored', async () => {
    const { ring } = await restored()
    expect(knownEverywhereAt(ring, timing) - ring.writtenAt).toBe(leadOf(timing))
    expect(leadOf(timing)).toBeGreaterThan(exposureOf(timing))
  })

  describe.each([
    ['longer', 1, 'those headers'],
    ['shorter', -1, 'the headers that the backup knows'],
  ])('when sets are cached %s by now, goes by the longest (%s: %s)', (_, sign) => {
    const today = { ...timing, jwksMaxAgeMs: timing.jwksMaxAgeMs + sign * 300_000 }

    it('for when it is known everywhere', async () => {
      const { ring } = await restored({ today })
      const longest = Math.max(leadOf(timing), leadOf(today))
      expect(knownEverywhereAt(ring, today) - ring.writtenAt).toBe(longest)
    })

    it('for when a revoked key is refused everywhere, whether or not an authority runs yet (R16)', async () => {
      const { ring, open, clock } = await restored({ today })
      const keys = await open(false)
      const { refusedEverywhereBy } = await keys.revoke(ring.keys[0]?.kid ?? '', { reason: 'leaked' })
      const longest = Math.max(exposureOf(timing), exposureOf(today))
      expect(refusedEverywhereBy).toBeGreaterThanOrEqual(clock.now() + longest)
      await keys.close()
    })
  })
})
