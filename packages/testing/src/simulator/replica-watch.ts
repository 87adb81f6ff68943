import type { JwkSetDocument } from '@keyturn/core'
import { exposureOf, type KeyManager, type KeyRecord, type KeyRing } from '@keyturn/keyring'
import type { Replica } from './replica.ts'
import { violation } from './violation.ts'
import type { World } from './world.ts'

/** Looks at what one process publishes and signs with, as its HTTP server would show it, and shows it to the crowd. */
export class ReplicaWatch {
  readonly #replica: Replica
  readonly #manager: KeyManager
  readonly #exposureMs: number
  readonly #exposureUnrecordedMs: number
  #document: JwkSetDocument | undefined
  #text = ''
  #generation = 0
  #revoked:
    | { readonly document: JwkSetDocument; readonly of: number; readonly kids: readonly string[] }
    | undefined

  constructor(replica: Replica, manager: KeyManager) {
    const { timing } = replica.policy
    this.#replica = replica
    this.#manager = manager
    this.#exposureMs = exposureOf(timing)
    // as its HTTP server does: no cache headers before the ring knows of them
    this.#exposureUnrecordedMs = exposureOf({ ...timing, jwksMaxAgeMs: 0, jwksStaleWhileRevalidateMs: 0 })
  }

  /** Says with which key it signs; `undefined` when it is cut off, and others may have gone on without it. */
  inspect(world: World, revokedAt: ReadonlyMap<string, number>): KeyRecord | undefined {
    const document = this.#manager.publicJwks()
    const ring = this.#manager.ring()
    if (ring.generation < this.#generation)
      world.complain(
        violation('invariant-10', `${this.#replica.name} goes back to generation ${ring.generation}`),
      )
    this.#generation = ring.generation
    const isCutOff = this.#isCutOff(world, ring)
    if (document !== this.#document) this.#inspectDocument(world, document)
    this.#publish(world, document, isCutOff ? unchangedKids(ring, world.storage.ring) : undefined)
    if (revokedAt.size > 0) this.#inspectRevocations(world, document, revokedAt)
    const key = signerAt(ring, this.#manager.now)
    if (ring.held !== null) return undefined
    this.#sign(world, ring, key, isCutOff)
    return isCutOff ? undefined : key
  }

  /** Its ring is an old one, and it has asked for longer than P in vain: it cannot know what others wrote (docs/adr/0010). */
  #isCutOff({ storage }: World, ring: KeyRing): boolean {
    return ring.generation < (storage.ring?.generation ?? 0) && this.#replica.store.isCutOff
  }

  #publish(
    { crowd, time }: World,
    document: JwkSetDocument,
    knowable: ReadonlySet<string> | undefined,
  ): void {
    if (this.#replica.isMisled) return
    crowd.serve(document, {
      at: time.now,
      by: this.#replica.name,
      knownAt: this.#replica.store.lastContactAt,
      exposureMs: this.#manager.isExposureRecorded ? this.#exposureMs : this.#exposureUnrecordedMs,
      knowable,
    })
  }

  #sign(world: World, ring: KeyRing, key: KeyRecord | undefined, isCutOff: boolean): void {
    const { name, policy, machine } = this.#replica
    if (key === undefined || key.privateKey === null) {
      world.complain(violation('invariant-5', `${name} has nothing to sign with`))
      return
    }
    const due = signerAt(ring, Math.max(machine.wallClock, ring.writtenAt))
    if (key !== due) {
      const [signs, should] = [key.kid, due?.kid ?? 'any'].map(world.history.nameOf)
      world.complain(violation('invariant-3', `${name} signs with ${signs}, not with ${should}`))
    }
    if (isCutOff && hasEnded(world.storage.ring, key.kid, machine.wallClock)) return
    // its token is dated when the key is to sign: in a future that no verifier believes, and that an import may still change
    if (this.#replica.clockWrongMs > 0 && key.activateAt > world.time.now + policy.timing.clockSkewMs) return
    // the end of a token that a wrong clock dates into the future is wrong by as much
    const issuedAt = Math.min(machine.wallClock, world.time.now + policy.timing.clockSkewMs)
    const expiresAt = (Math.floor(issuedAt / 1000) + key.maxTtlSeconds) * 1000
    world.crowd.owe(key.kid, expiresAt + policy.timing.clockToleranceMs, world.time.now)
  }

  /** One that has reached the storage since a revocation publishes the key no more; one that has not cannot know. */
  #inspectRevocations(world: World, document: JwkSetDocument, revokedAt: ReadonlyMap<string, number>): void {
    const { name, store, policy } = this.#replica
    if (this.#revoked?.document !== document || this.#revoked.of !== revokedAt.size) {
      const kids = document.keys.map(({ kid }) => kid).filter((kid) => revokedAt.has(kid))
      this.#revoked = { document, of: revokedAt.size, kids }
    }
    for (const kid of this.#revoked.kids) {
      if (store.lastContactAt > (revokedAt.get(kid) ?? 0))
        world.complain(violation('invariant-9', `${name} publishes the revoked ${world.history.nameOf(kid)}`))
      if (world.time.now - store.lastContactAt > policy.timing.storePollMs)
        world.crowd.releaseFromPromise(kid)
    }
  }

  #inspectDocument(world: World, document: JwkSetDocument): void {
    const text = JSON.stringify(document)
    const flaws = {
      'the same set as another object': text === this.#text,
      'an empty set': document.keys.length === 0,
      'a private half': text.includes('"d":'),
      'a set that can change under its ETag': !Object.isFrozen(document) || !Object.isFrozen(document.keys),
    }
    for (const [flaw, isThere] of Object.entries(flaws)) {
      if (isThere) world.complain(violation('invariant-11', `${this.#replica.name} serves ${flaw}`))
    }
    this.#document = document
    this.#text = text
  }
}

/** Which key a ring has sign at an instant; reckoned here once more, and not as the ring does it. */
function signerAt({ keys }: KeyRing, at: number): KeyRecord | undefined {
  for (let index = keys.length - 1; index >= 0; index--) {
    const key = keys[index]
    if (key === undefined || key.revokedAt !== null || key.activateAt > at) continue
    return key.signUntil === null || at < key.signUntil ? key : undefined
  }
  return undefined
}

/** Others have handed over, so that a token that is signed with this key from now on is promised nothing. */
function hasEnded(ring: KeyRing | undefined, kid: string, at: number): boolean {
  const key = ring?.keys.find((candidate) => candidate.kid === kid)
  return key === undefined || key.revokedAt !== null || (key.signUntil !== null && key.signUntil < at)
}

/** Keys of which nobody has changed the end since this ring was the newest. */
function unchangedKids(ring: KeyRing, newest: KeyRing | undefined): ReadonlySet<string> {
  const end = new Map(newest?.keys.map(({ kid, publishUntil }) => [kid, publishUntil]))
  return new Set(ring.keys.filter((key) => end.get(key.kid) === key.publishUntil).map(({ kid }) => kid))
}
