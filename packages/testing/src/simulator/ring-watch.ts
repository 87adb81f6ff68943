import { type KeyRecord, type KeyRing, stateOf } from '@keyturn/keyring'
import type { Writer } from './simulated-storage.ts'
import { type Violation, violation } from './violation.ts'

/** Times of a key that are fixed when it is made. */
const FIXED = ['createdAt', 'publishedAt', 'signableAt', 'alg', 'origin'] as const

/** What a {@link RingWatch} knows of the world at the time of a write. */
export interface WriteContext {
  readonly now: number
  readonly writer: Writer
  /** Kids of tokens that are good. */
  readonly owed: readonly string[]
  readonly nameOf: (kid: string) => string
}

/** Looks at every ring that is written, and says what must never be written. Knows nothing of how rings are made. */
export class RingWatch {
  readonly #everSeen = new Set<string>()
  readonly #gone = new Set<string>()
  readonly #revoked = new Set<string>()
  #last: KeyRing | undefined;

  *complaints(ring: KeyRing, context: WriteContext): Generator<Violation> {
    const before = this.#last
    this.#last = ring
    if (context.writer.isRestoring) {
      yield* this.#restored(before, ring)
      yield* signers(ring, context)
      return
    }
    if (before !== undefined && ring.generation !== before.generation + 1) {
      yield violation('invariant-10', `generation ${ring.generation} follows ${before.generation}`)
    }
    yield* signers(ring, context)
    yield* lostKeys(ring, context)
    yield* this.#comebacks(ring, context)
    if (before === undefined) return
    yield* newKeys(before, ring, context)
    yield* sparedKeys(before, ring, context)
    if (!context.writer.isOperator) yield* movedTimes(before, ring, context)
    if (context.writer.isInDoubt) yield* irreversible(before, ring, context)
  }

  /** A backup is ahead of all that was published, and signs nothing. What happened since it was made nobody knows. */
  *#restored(before: KeyRing | undefined, ring: KeyRing): Generator<Violation> {
    for (const kids of [this.#everSeen, this.#gone, this.#revoked]) kids.clear()
    for (const { kid, revokedAt } of ring.keys) {
      this.#everSeen.add(kid)
      if (revokedAt !== null) this.#revoked.add(kid)
    }
    if (
      ring.generation <= (before?.generation ?? 0) ||
      ring.publishedVersion <= (before?.publishedVersion ?? 0)
    )
      yield violation('invariant-10', `a backup goes back to generation ${ring.generation}`)
    if (ring.held === null) yield violation('invariant-1', 'a backup signs before anybody knows its keys')
  }

  /** A kid that is gone stays gone, and one that is revoked stays revoked. */
  *#comebacks(ring: KeyRing, { nameOf }: WriteContext): Generator<Violation> {
    const kids = new Set(ring.keys.map(({ kid }) => kid))
    for (const kid of this.#everSeen) if (!kids.has(kid)) this.#gone.add(kid)
    for (const { kid, revokedAt } of ring.keys) {
      this.#everSeen.add(kid)
      if (this.#gone.has(kid)) yield violation('invariant-10', `${nameOf(kid)} comes back`)
      if (revokedAt !== null) this.#revoked.add(kid)
      else if (this.#revoked.has(kid)) yield violation('invariant-9', `${nameOf(kid)} is no more revoked`)
    }
  }
}

/** Exactly one key is active, whichever clock is asked, and the next one begins where it ends. */
function* signers(ring: KeyRing, { now }: WriteContext): Generator<Violation> {
  for (const at of new Set([ring.writtenAt, Math.max(now, ring.writtenAt)])) {
    const states = ring.keys.map((key) => stateOf(key, at))
    const active = ring.keys[states.indexOf('active')]
    const next = ring.keys[states.indexOf('next')]
    const count = (state: string) => states.filter((one) => one === state).length
    if (count('active') === 0) yield violation('invariant-6', 'a write leaves no active key')
    if (count('active') !== 1) yield violation('invariant-3', `the keys are ${states.join(', ')}`)
    if (count('next') > 1) yield violation('invariant-3', `the keys are ${states.join(', ')}`)
    if (active !== undefined && active.signUntil !== (next?.activateAt ?? null))
      yield violation('invariant-3', 'the next key does not begin where the active one ends')
  }
}

function* lostKeys(ring: KeyRing, { now, owed, nameOf }: WriteContext): Generator<Violation> {
  const at = Math.max(now, ring.writtenAt)
  for (const kid of owed) {
    const key = ring.keys.find((candidate) => candidate.kid === kid)
    if (key !== undefined && !['removed', 'revoked'].includes(stateOf(key, at))) continue
    yield violation('invariant-6', `a write drops ${nameOf(kid)}, whose tokens are good`)
  }
}

/** One rotation makes one key, and a private half that was destroyed stays so. */
function* newKeys(before: KeyRing, ring: KeyRing, { writer, nameOf }: WriteContext): Generator<Violation> {
  const made = ring.keys.filter(({ kid }) => before.keys.every((key) => key.kid !== kid))
  if (made.length > 1) yield violation('invariant-8', `one write of ${writer.name} adds ${made.length} keys`)
  const next = before.keys.find((key) => stateOf(key, ring.writtenAt) === 'next')
  for (const { kid, origin, activateAt } of made) {
    if (origin !== 'scheduled' && origin !== 'imported') continue
    const what = `${writer.name} makes ${nameOf(kid)}`
    if (next !== undefined && origin === 'scheduled')
      yield violation('invariant-8', `${what} though there is a next key`)
    if (next !== undefined && origin === 'imported') {
      if (activateAt !== next.activateAt)
        yield violation('invariant-7', `${what}, and moves the handover that was fixed`)
      continue
    }
    if (activateAt < writer.soonestActivation)
      yield violation(
        'promise-R5',
        `${what}, which signs less than an interval after ${writer.name} began to watch`,
      )
  }
  for (const [key, after] of pairsOf(before, ring)) {
    if (key.privateKey === null && after.privateKey !== null)
      yield violation('invariant-8', `${nameOf(key.kid)} has its private half again`)
  }
}

/** A time that was fixed stays, whatever happens by itself: only `publishUntil` may grow. */
function* movedTimes(before: KeyRing, ring: KeyRing, { nameOf }: WriteContext): Generator<Violation> {
  for (const [key, after] of pairsOf(before, ring)) {
    const name = nameOf(key.kid)
    const moved = FIXED.filter((time) => after[time] !== key[time]).map(String)
    if (after.activateAt !== key.activateAt) moved.push('activateAt')
    if (key.signUntil !== null && after.signUntil !== key.signUntil) moved.push('signUntil')
    if (moved.length > 0) yield violation('invariant-7', `${moved.join(', ')} of ${name} moves`)
    if (key.publishUntil !== null && (after.publishUntil ?? 0) < key.publishUntil)
      yield violation('invariant-7', `publishUntil of ${name} shrinks`)
    if (after.maxTtlSeconds < key.maxTtlSeconds)
      yield violation('invariant-7', `the longest lifetime that ${name} promises shrinks`)
  }
}

/** While the clocks of the writer disagree it takes no step that cannot be taken back, but for a revocation (docs/adr/0011). */
function* irreversible(before: KeyRing, ring: KeyRing, context: WriteContext): Generator<Violation> {
  const { writer, nameOf } = context
  const doubtful = (what: string) =>
    violation('promise-R8', `${writer.name} ${what} while its clock is in doubt`)
  const known = new Set(before.keys.map(({ kid }) => kid))
  for (const { kid, origin } of ring.keys) {
    const isPlanned = origin === 'scheduled' || origin === 'imported'
    if (isPlanned && !known.has(kid)) yield doubtful(`makes ${nameOf(kid)}`)
  }
  for (const { kid, privateKey } of before.keys) {
    if (isRevoked(ring, kid)) continue
    const after = ring.keys.find((key) => key.kid === kid)
    if (after === undefined) yield doubtful(`drops ${nameOf(kid)}`)
    else if (privateKey !== null && after.privateKey === null)
      yield doubtful(`destroys the private half of ${nameOf(kid)}`)
  }
}

/** A store that leaked takes every key with it whose private half it held when an operator said so. */
function* sparedKeys(before: KeyRing, ring: KeyRing, { writer, nameOf }: WriteContext): Generator<Violation> {
  const isNew = ({ kid }: KeyRecord) => isRevoked(ring, kid) && !isRevoked(before, kid)
  if (!before.keys.some(isNew)) return
  for (const { kid } of before.keys) {
    if (!writer.mustRevoke.includes(kid) || isRevoked(ring, kid)) continue
    yield violation('promise-R13', `${writer.name} spares ${nameOf(kid)}, which leaked with the store`)
  }
}

function isRevoked({ keys, tombstones }: KeyRing, kid: string): boolean {
  return (
    tombstones.some((tomb) => tomb.kid === kid && tomb.fate === 'revoked') ||
    keys.some((key) => key.kid === kid && key.revokedAt !== null)
  )
}

/** Each key as it was, and as it is. */
function* pairsOf(before: KeyRing, after: KeyRing): Generator<readonly [KeyRecord, KeyRecord]> {
  for (const key of before.keys) {
    const later = after.keys.find(({ kid }) => kid === key.kid)
    if (later !== undefined) yield [key, later]
  }
}
