import { generateKeyPairSync } from 'node:crypto'
import { addNext, createRing, nextGeneration } from './changes.ts'
import { type KeyPair, pairOf } from './key-pair.ts'
import type { KeyRecord } from './key-record.ts'
import type { KeyRing } from './ring.ts'
import { DEFAULT_POLICY } from './timing.ts'

/** The default policy, with keys that are made in no time. */
export const policy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' } as const

/** When {@link newRing} was made. */
export const MADE_AT = Date.UTC(2026, 0, 1)

/** A pair that nobody has seen before. */
export function newPair(): KeyPair {
  return pairOf(generateKeyPairSync('ed25519').privateKey, 'EdDSA')
}

/** A ring with its first key and its first spare. */
export function newRing(): KeyRing {
  return createRing('ring', { first: newPair(), spare: newPair() }, policy, MADE_AT)
}

/** That ring an interval later, when its spare took over and got a successor: one key is retired, one active, one next. */
export function turnedRing(): KeyRing {
  const moment = { now: MADE_AT + policy.timing.rotationIntervalMs, wokeAt: MADE_AT, clockTrusted: true }
  const ring = newRing()
  return nextGeneration(ring, addNext(ring, newPair(), policy, moment), moment)
}

/** The key at a place of a ring: 0 is the oldest. */
export function keyAt(ring: KeyRing, index: number): KeyRecord {
  const key = ring.keys[index]
  if (key === undefined) throw new Error(`expected a key at ${index}`)
  return key
}

/** A ring in which the key at a place is another. */
export function withKey(ring: KeyRing, index: number, change: Partial<KeyRecord>): KeyRing {
  return { ...ring, keys: ring.keys.map((key, at) => (at === index ? { ...key, ...change } : key)) }
}
