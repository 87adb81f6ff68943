import { describe, expect, it } from 'vitest'
import type { AuditEntry } from './audit-trail.ts'
import { eventsOf, type KeyringEvent } from './events.ts'
import { openManager, policy } from './open-manager.fixture.ts'
import type { RingChange } from './ring-changes.ts'
import { graceOf, propagationOf } from './timing.ts'

const { timing } = policy
const T = timing.rotationIntervalMs
const TOLD = ['key-created', 'key-erased', 'key-removed', 'max-ttl-raised'] as const

/** Each of these with its kids, one by one, in their order. */
function kidsTold(told: readonly (KeyringEvent | RingChange)[]): readonly string[] {
  return told.flatMap((it) => {
    const kind = 'kind' in it ? it.kind : it.change
    if (!TOLD.some((one) => one === kind)) return []
    if ('kids' in it) return it.kids.map((kid) => `${kind} ${kid}`)
    return 'kid' in it ? [`${kind} ${it.kid}`] : []
  })
}

describe('what is told of a write (R50)', () => {
  it('is what the audit log says of it', async () => {
    const entries: AuditEntry[] = []
    const record = async (entry: AuditEntry) => {
      entries.push(entry)
      return null
    }
    const { keys, advance, events, reopen } = await openManager({ audit: { record } })
    await advance(T + propagationOf(timing) + graceOf(timing))
    await keys.close()
    await reopen({ policy: { ...policy, timing: { ...timing, maxTtlMs: 2 * timing.maxTtlMs } } })
    // of the first two a new ring tells by itself
    const logged = kidsTold(entries.slice(1).flatMap(({ changes }) => changes))
    const told = kidsTold(events)
    expect([...told].sort()).toEqual([...logged].sort())
    expect(new Set(told.map((line) => line.split(' ')[0]))).toEqual(new Set(TOLD))
  })

  it('names keys together that share it, and is silent about what an operator is said to have done', () => {
    const made = { alg: 'EdDSA', publicJwk: { kty: 'OKP', crv: 'Ed25519', x: 'AA' }, signableAt: 1 } as const
    const changes: readonly RingChange[] = [
      { change: 'key-removed', kid: 'a' },
      { change: 'key-created', kid: 'b', origin: 'imported', activateAt: 2, ...made },
      { change: 'key-created', kid: 'c', origin: 'emergency', activateAt: 3, ...made },
      { change: 'key-removed', kid: 'd' },
      { change: 'key-revoked', kid: 'e', reason: 'leaked' },
      { change: 'ring-confirmed' },
    ]
    expect(eventsOf(changes, 7)).toEqual([
      { kind: 'key-created', kid: 'c', activateAt: 3 },
      { kind: 'ring-confirmed', generation: 7 },
      { kind: 'key-removed', kids: ['a', 'd'] },
    ])
  })
})
