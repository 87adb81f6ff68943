import { generateKeyPairSync } from 'node:crypto'
import { type Clock, formatDuration } from '@keyturn/core'
import { addNext, createRing, nextGeneration } from './changes.ts'
import { ClockGuard } from './clock-guard.ts'
import { importKey } from './key-import.ts'
import { type KeyPair, pairOf } from './key-pair.ts'
import { type KeyRecord, stateOf } from './key-record.ts'
import { earliestActivation, hastenNext, type RotationUrgency } from './manual-rotation.ts'
import { applyHousekeeping, momentOf, nextPlanAt, plan } from './plan.ts'
import { PublishedSets, publishedSet } from './published-set.ts'
import { leakedWith, revokeKey } from './revocation.ts'
import * as rings from './ring.ts'
import { decodeRing, encodeRing } from './stores/ring-codec.ts'
import {
  DEFAULT_POLICY,
  exposureOf,
  type KeyPolicy,
  leadOf,
  policyViolations,
  propagationOf,
} from './timing.ts'

// Random histories of one ring on one clock (R4 to R9, R12, R64): the product's pure functions against a model of the
// tokens that were issued and of the sets that were served. Numbers are those of the invariants in design.md.

const SECOND = 1000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR
const POOL: KeyPair[] = []
const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'kid', 'alg', 'use', 'exp']

type Settings = Pick<KeyPolicy['timing'], 'rotationIntervalMs' | 'jwksMaxAgeMs' | 'maxTtlMs' | 'graceSkewMs'>
/** What may happen to a ring. */
export type Step =
  | { readonly does: 'pass' | 'sleep' | 'set-back' | 'stop'; readonly ms: number }
  | { readonly does: 'pass-to-lead'; readonly ms: number }
  | { readonly does: 'restart'; readonly settings: Partial<Settings> }
  | { readonly does: 'rotate'; readonly urgency: RotationUrgency }
  | { readonly does: 'revoke'; readonly victim: 'active' | 'next' | 'retired'; readonly leaked: boolean }
  | { readonly does: 'import' }
  | { readonly does: 'store'; readonly isUp: boolean }

/** Plays steps, and throws at the first invariant that does not hold, with the story so far. */
export class RingHistory {
  readonly #story: string[] = []
  readonly #names = new Map<string, string>()
  #tokens: { readonly kid: string; readonly iat: number; readonly exp: number }[] = []
  /** Sets in the hands of verifiers: which kids, for how long, and when last served, in real time. */
  readonly #served = new Map<string, { kids: readonly string[]; exposureMs: number; until: number }>()
  readonly #revoked = new Set<string>()
  /** Kids that gave way to an imported key before they signed. */
  readonly #replaced = new Set<string>()
  readonly #ever = new Set<string>()
  /** Kids that may sign before their lead has passed. */
  readonly #excused = new Set<string>()
  readonly #sets = new PublishedSets()
  #document: object = {}
  #real = 0
  #monotonic = 0
  #wall = Date.UTC(2026, 0, 1)
  #latest = this.#wall
  #isUp = true
  #policy: KeyPolicy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' }
  #guard = this.#newGuard()
  #before: rings.KeyRing
  #ring: rings.KeyRing

  constructor() {
    this.#ring = createRing('ring', { first: this.#pair(), spare: this.#pair() }, this.#policy, this.#wall)
    this.#before = this.#ring
    this.#observe()
  }

  run(steps: readonly Step[]): void {
    try {
      for (const step of steps) {
        this.#story.push(`${tell(step)}`)
        this.#take(step)
        this.#maintain()
        this.#observe()
      }
    } catch (error) {
      throw new Error(`${(error as Error).message}\nThe history:\n  ${this.#story.join('\n  ')}`, {
        cause: error,
      })
    }
  }

  #take(step: Step): void {
    if (step.does === 'pass') this.#pass(step.ms)
    if (step.does === 'pass-to-lead') {
      const { signableAt } = rings.findKey(this.#ring, 'next', this.#now) ?? { signableAt: 0 }
      this.#pass(Math.min(signableAt - this.#now - step.ms, DAY))
    }
    if (step.does === 'sleep') this.#move({ wall: step.ms, real: step.ms })
    if (step.does === 'set-back') this.#setBack(step.ms)
    if (step.does === 'stop') {
      this.#move({ wall: step.ms, real: step.ms })
      this.#restart({})
    }
    if (step.does === 'restart') this.#restart(step.settings)
    if (step.does === 'store') this.#isUp = step.isUp
    if (step.does === 'rotate' && this.#isUp) this.#rotate(step.urgency)
    if (step.does === 'revoke' && this.#isUp) this.#revoke(step.victim, step.leaked)
    if (step.does === 'import' && this.#isUp) this.#import()
  }

  /** Time in which the process runs: it stops at, and right before, every instant at which something is due. */
  #pass(ms: number): void {
    const end = this.#real + ms
    while (this.#real < end) {
      const dueMs = this.#guard.doubtMs || nextPlanAt(this.#ring, this.#policy, this.#now) - this.#wall
      const left = end - this.#real
      for (const part of dueMs > 1 && dueMs <= left ? [dueMs - 1, 1] : [Math.min(dueMs, left)]) {
        this.#move({ wall: part, real: part, monotonic: part })
        this.#observe()
      }
      this.#maintain()
      this.#observe()
    }
  }

  /**
   * Tokens that now come from the future are refused until the clock has caught up, and nothing is promised of them. Where
   * an activation is undone after which nobody wrote, the sets that were served in between come from the future too.
   */
  #setBack(ms: number): void {
    const before = this.#states
    this.#move({ wall: -ms, real: 0 })
    this.#tokens = this.#tokens.filter(({ iat }) => iat <= this.#wall + 2 * this.#policy.timing.clockSkewMs)
    if (before !== this.#states) this.#served.clear()
  }

  #restart(settings: Partial<Settings>): void {
    const policy = { ...this.#policy, timing: { ...this.#policy.timing, ...settings } }
    if (policyViolations(policy).length === 0) this.#policy = policy
    this.#guard = this.#newGuard()
    const loaded = decodeRing(Buffer.from(encodeRing(this.#ring)))
    invariant(JSON.stringify(loaded) === JSON.stringify(this.#ring), '7: a restart moves nothing')
    this.#ring = loaded
  }

  #maintain(): void {
    for (let round = 0; this.#isUp; round++) {
      invariant(round < 5, '5: housekeeping comes to rest')
      const decisions = plan(this.#ring, this.#policy, this.#moment())
      if (decisions.length === 0) break
      const pair = decisions.some(({ kind }) => kind === 'add-next') ? this.#pair() : undefined
      this.#commit('schedule', (ring) => {
        const kept = applyHousekeeping(ring, decisions, this.#policy, this.#wall)
        return pair === undefined ? kept : addNext(kept, pair, this.#policy, this.#moment())
      })
    }
    if (!this.#isUp || !this.#moment().clockTrusted) return
    invariant(this.#recordedMs >= exposureOf(this.#policy.timing), 'R6: what is served is written down')
    for (const key of this.#ring.keys) {
      const isOver = key.signUntil !== null && key.signUntil + propagationOf(this.#policy.timing) <= this.#now
      invariant(!isOver || key.privateKey === null, 'R8: the private half goes when nobody can need it')
    }
    const held = this.#before.keys.filter(({ privateKey }) => privateKey !== null)
    const holds = (kid: string) => this.#ring.keys.some((key) => key.kid === kid && key.privateKey !== null)
    invariant(
      held.every(({ kid }) => holds(kid)),
      'R8: nor is it in the generation that is kept',
    )
  }

  #rotate(urgency: RotationUrgency): void {
    const next = rings.findKey(this.#ring, 'next', this.#now)
    if (next === undefined) return
    const withinMs = this.#policy.timing.storePollMs
    const isEarly = this.#now + withinMs < next.signableAt
    try {
      const request = { ...urgency, withinMs, clockTrusted: true }
      const { activateAt } = earliestActivation(this.#ring, this.#now, request)
      invariant(!isEarly || urgency.force === true || activateAt >= next.signableAt, '12: it is queued')
      if (activateAt >= next.activateAt) return
      if (isEarly && urgency.force === true) this.#excused.add(next.kid)
      this.#commit('operator', (ring) => hastenNext(ring, activateAt, this.#policy, this.#wall))
    } catch (error) {
      if ((error as { code?: string }).code !== 'rotation_too_early') throw error
      invariant(isEarly && !urgency.force && !urgency.queue, '12: only an early rotation is refused')
    }
  }

  #revoke(victim: string, storeLeaked: boolean): void {
    const target = this.#ring.keys.findLast((key) => stateOf(key, this.#now) === victim)
    if (target === undefined) return
    const leakedKids = storeLeaked ? leakedWith(this.#ring) : []
    for (const kid of [target.kid, ...leakedKids]) this.#revoked.add(kid)
    // made ahead of time, as by an operator who saw no spare: one that is there after all comes first
    const revocation = { kid: target.kid, reason: 'leaked', replacement: this.#pair() }
    this.#commit(
      'operator',
      (ring) => revokeKey(ring, { ...revocation, leakedKids }, this.#policy, this.#wall) ?? ring,
    )
    const heir = rings.activeKey(this.#ring, this.#now)
    if (heir.origin === 'emergency' || heir.activateAt < heir.signableAt) this.#excused.add(heir.kid)
  }

  #import(): void {
    const pair = this.#pair()
    const moment = this.#moment()
    const next = rings.findKey(this.#ring, 'next', this.#now)
    try {
      importKey(this.#ring, pair, this.#policy, moment)
    } catch (error) {
      const { code = '' } = error as { code?: string }
      if (!['clock_in_doubt', 'import_too_late', 'set_full'].includes(code)) throw error
      return
    }
    if (next !== undefined) this.#replaced.add(next.kid)
    this.#commit('operator', (ring) => importKey(ring, pair, this.#policy, moment).ring)
    const imported = this.#ring.keys.find(({ kid }) => kid === pair.kid)
    invariant(
      next === undefined || imported?.activateAt === next.activateAt,
      '3: an imported key takes over the handover of the one that it replaces',
    )
  }

  #commit(by: 'schedule' | 'operator', change: (ring: rings.KeyRing) => rings.KeyRing): void {
    const before = this.#ring
    const after = nextGeneration(before, change(before), this.#moment())
    this.#tellOf(after)
    rings.assertRing(after, this.#wall)
    rings.assertFollows(before, after)
    invariant(
      by === 'operator' || this.#moment().clockTrusted,
      'R8: nothing is done while the clock is in doubt',
    )
    invariant(after.generation === before.generation + 1, '10: generations strictly increase')
    this.#assertVersion(before, after)
    for (const key of before.keys) {
      const later = after.keys.find(({ kid }) => kid === key.kid)
      const isOwed = key.publishUntil === null || key.publishUntil > this.#latest
      const isGiven = this.#revoked.has(key.kid) || this.#replaced.has(key.kid)
      invariant(later !== undefined || !isOwed || isGiven, '6: a key that is owed stays')
      if (later !== undefined && by === 'schedule') this.#assertUnmoved(key, later)
    }
    for (const key of after.keys.filter(({ kid }) => before.keys.every((old) => old.kid !== kid))) {
      invariant(!this.#ever.has(key.kid), '10: no kid comes back')
      this.#ever.add(key.kid)
      if (key.origin !== 'scheduled') continue
      const interval = this.#policy.timing.rotationIntervalMs
      const since = Math.max(rings.activeKey(before, this.#now).activateAt, this.#guard.wokeAt)
      invariant(key.activateAt >= since + interval, 'R5: at most one rotation after a sleep, never a burst')
    }
    this.#before = before
    this.#ring = after
    invariant(
      nextGeneration(after, after, this.#moment()).keys.length === after.keys.length,
      '10: removal is idempotent',
    )
  }

  #assertVersion(before: rings.KeyRing, after: rings.KeyRing): void {
    const content = (ring: rings.KeyRing) => {
      const { keys, keyturn } = publishedSet(ring, after.writtenAt).document
      return JSON.stringify({ keys, ...keyturn, version: 0 })
    }
    const isSame = content(before) === content(after)
    const version = isSame ? before.publishedVersion : after.generation
    invariant(after.publishedVersion === version, '11: its version grows if and only if a write changes it')
  }

  #assertUnmoved(key: KeyRecord, later: KeyRecord): void {
    const fixed = (it: KeyRecord) =>
      [it.createdAt, it.publishedAt, it.signableAt, it.activateAt, it.revokedAt].join()
    invariant(fixed(key) === fixed(later), '7: no stored time moves')
    invariant(
      key.signUntil === null || key.signUntil === later.signUntil,
      '7: nor does a fixed end of signing',
    )
    invariant((later.publishUntil ?? Infinity) >= (key.publishUntil ?? 0), '7: publishUntil may only grow')
    invariant(later.maxTtlSeconds >= key.maxTtlSeconds, '7: what was promised may only grow')
    const erased = key.privateKey !== null && later.privateKey === null
    const neededUntil = (key.signUntil ?? Infinity) + propagationOf(this.#policy.timing)
    invariant(!erased || neededUntil <= this.#now, 'R8: no private half goes while a replica can need it')
  }

  /** Serves the set, signs a token of the longest lifetime, and checks what must hold at every instant. */
  #observe(): void {
    const published = rings.publishedKeys(this.#ring, this.#now).map(({ kid }) => kid)
    // a raise that could not be written must not be served
    const exposureMs = Math.min(exposureOf(this.#policy.timing), this.#recordedMs)
    this.#served.set(`${published} ${exposureMs}`, { kids: published, exposureMs, until: this.#real })
    for (const { kid } of this.#ring.keys) this.#ever.add(kid)

    const signer = rings.activeKey(this.#ring, this.#now)
    invariant(signer.privateKey !== null, '5: the active key can sign')
    const exp = this.#wall + signer.maxTtlSeconds * SECOND
    this.#tokens.push({ kid: signer.kid, iat: this.#wall, exp })
    for (const [id, { kids, exposureMs: age, until }] of this.#served) {
      const deadAt = until + age + propagationOf(this.#policy.timing)
      if (deadAt <= this.#real) this.#served.delete(id)
      else
        invariant(
          kids.includes(signer.kid) || this.#excused.has(signer.kid),
          '1: no key signs before its lead',
        )
    }
    this.#tokens = this.#tokens.filter(
      (token) =>
        token.exp + this.#policy.timing.clockToleranceMs > this.#latest && !this.#revoked.has(token.kid),
    )
    invariant(
      this.#tokens.every(({ kid }) => published.includes(kid)),
      '2: keys of living tokens are published',
    )
    for (const at of [this.#now, ...this.#ring.keys.flatMap((key) => [key.activateAt - 1, key.activateAt])]) {
      const states = at < this.#now ? [] : this.#ring.keys.map((key) => stateOf(key, at))
      const active = states.filter((state) => state === 'active').length
      invariant(at < this.#now || active === 1, '3: exactly one key is active')
      invariant(states.filter((state) => state === 'next').length <= 1, '3: at most one is next')
    }
    const next = rings.findKey(this.#ring, 'next', this.#now)
    invariant(signer.signUntil === (next?.activateAt ?? null), '3: one ends when the other begins')
    invariant(
      published.every((kid) => !this.#revoked.has(kid)),
      '9: revoked is for ever',
    )
    this.#assertDocument(published)
  }

  #assertDocument(published: readonly string[]): void {
    const document = this.#sets.at(this.#ring, this.#now)
    const kids = document.keys.map(({ kid }) => kid).join()
    invariant(kids !== '' && kids === published.join(), '11: the published set is whole, and never empty')
    const members = document.keys.flatMap((key) => Object.keys(key))
    invariant(
      members.every((name) => PUBLIC_MEMBERS.includes(name)),
      '11: nor private',
    )
    const isSame = JSON.stringify(document) === JSON.stringify(this.#document)
    invariant(isSame === (document === this.#document), '11: it changes if and only if its content does')
    this.#document = document
  }

  get #recordedMs(): number {
    return this.#ring.exposures.find(({ servedUntil }) => servedUntil === null)?.exposureMs ?? 0
  }

  get #states(): string {
    return this.#ring.keys.map((key) => stateOf(key, this.#now)).join()
  }

  get #now(): number {
    return rings.effectiveNow(this.#ring, this.#wall)
  }

  #moment() {
    return momentOf(this.#ring, this.#guard.look(), this.#policy.timing)
  }

  #move(by: { readonly wall: number; readonly real: number; readonly monotonic?: number }): void {
    this.#wall += by.wall
    this.#real += by.real
    this.#monotonic += by.monotonic ?? 0
    this.#latest = Math.max(this.#latest, this.#wall)
  }

  #newGuard(): ClockGuard {
    const clock: Clock = {
      now: () => this.#wall,
      monotonicNow: () => this.#monotonic,
      setTimer: () => () => {},
    }
    const { timing } = this.#policy
    return new ClockGuard(clock, { toleranceMs: 2 * timing.clockSkewMs, holdMs: leadOf(timing) })
  }

  #pair(): KeyPair {
    const index = this.#names.size
    const pair = POOL[index] ?? pairOf(generateKeyPairSync('ed25519').privateKey, 'EdDSA')
    POOL[index] = pair
    this.#names.set(pair.kid, `k${index}`)
    return pair
  }

  #tellOf(ring: rings.KeyRing): void {
    const keys = ring.keys.map((key) => `${this.#names.get(key.kid)} ${stateOf(key, this.#now)}`)
    this.#story.push(
      `  at ${new Date(this.#wall).toISOString()} generation ${ring.generation}: ${keys.join(', ')}`,
    )
  }
}

function invariant(holds: boolean, law: string): void {
  if (!holds) throw new Error(`invariant ${law}`)
}

function tell(step: Step): string {
  const { does, ...how } = step
  return `${does} ${'ms' in how ? formatDuration(how.ms) : JSON.stringify(how)}`
}
