import type { KeyManager, KeyRing } from '@keyturn/keyring'
import { ClockWatch } from './clock-watch.ts'
import type { Replica } from './replica.ts'
import { ReplicaWatch } from './replica-watch.ts'
import { RingWatch } from './ring-watch.ts'
import type { Writer } from './simulated-storage.ts'
import { violation } from './violation.ts'
import type { Observer, World } from './world.ts'

/** Looks at everything that can be seen, after every step; what must not be is a violation. */
export class Inspector implements Observer {
  readonly #clocks = new ClockWatch()
  readonly #rings = new RingWatch()
  readonly #watches = new WeakMap<Replica, ReplicaWatch>()
  readonly #revokedAt = new Map<string, number>()
  readonly #judged = new Set<string>()
  #lastRing: KeyRing | undefined

  isSettled({ time }: World): boolean {
    return this.#clocks.isSettled(time.now)
  }

  observe(world: World, when: 'before' | 'after'): void {
    const { storage, crowd, time } = world
    const { ring } = storage
    if (when === 'after' && ring !== undefined && ring !== this.#lastRing) this.#inspectWrite(world, ring)
    this.#clocks.look(world)
    this.#inspectReplicas(world)
    this.#clocks.look(world)
    if (when === 'after') world.complain(...crowd.complaints(time.now))
  }

  #inspectWrite(world: World, ring: KeyRing): void {
    const { storage, crowd, time, history } = world
    const { writer } = storage
    const before = this.#lastRing
    this.#lastRing = ring
    if (writer?.isRestoring === true) this.#forget(world, ring)
    if ((before?.held ?? null) !== null && ring.held === null && time.now < world.knownEverywhereAt)
      for (const { kid } of ring.keys) crowd.excuse(kid, time.now)
    for (const { kid } of ring.keys) crowd.publish(kid, time.now)
    for (const { kid, fate } of [...ring.tombstones, ...ring.keys.map(fateOf)]) {
      if (fate === 'revoked' && !this.#revokedAt.has(kid)) this.#inspectRevocation(world, kid, writer)
    }
    this.#inspectEarlyKeys(world, ring, writer)
    if (writer?.isRestoring !== true) this.#clocks.lookAtWrite(world, before)
    this.#clocks.look(world)
    if (writer === undefined) return
    const owed = crowd.owedKids(time.now)
    world.complain(...this.#rings.complaints(ring, { now: time.now, writer, owed, nameOf: history.nameOf }))
  }

  /** Nobody can know what happened since a backup was made: neither which keys it lacks, nor which were revoked. */
  #forget({ crowd, time }: World, ring: KeyRing): void {
    const ends = new Map(ring.keys.map(({ kid, publishUntil }) => [kid, publishUntil ?? Infinity]))
    for (const [kid, until] of crowd.owed(time.now)) if ((ends.get(kid) ?? 0) < until) crowd.forgive(kid)
    const revoked = new Set(ring.tombstones.map(({ kid }) => kid))
    for (const { kid, revokedAt } of ring.keys) if (revokedAt !== null) revoked.add(kid)
    for (const kid of this.#revokedAt.keys()) {
      if (revoked.has(kid)) continue
      this.#revokedAt.delete(kid)
      crowd.reinstate(kid)
    }
  }

  /** Only an operator takes good tokens away. */
  #inspectRevocation(world: World, kid: string, writer: Writer | undefined): void {
    this.#revokedAt.set(kid, world.time.now)
    if (writer?.mayHurry === true) world.crowd.revoke(kid, Number.POSITIVE_INFINITY)
    else
      world.complain(
        violation('invariant-6', `nobody has revoked ${world.history.nameOf(kid)}, and a write does`),
      )
  }

  /** A key that signs before its lead must be wanted so: then nobody blames the sets that cannot hold it yet. */
  #inspectEarlyKeys(world: World, ring: KeyRing, writer: Writer | undefined): void {
    for (const { kid, activateAt, signableAt, origin, revokedAt } of ring.keys) {
      if (this.#judged.has(kid + activateAt) || revokedAt !== null) continue
      this.#judged.add(kid + activateAt)
      if (origin !== 'emergency' && activateAt >= signableAt) continue
      world.crowd.excuse(kid, world.time.now)
      if (writer?.mayHurry === true) continue
      const what = `${world.history.nameOf(kid)} is to sign before its lead, and nobody asked for that`
      world.complain(violation('invariant-1', what))
      if (writer?.isOperator === true) world.complain(violation('invariant-12', `${what} with --force`))
    }
  }

  #inspectReplicas(world: World): void {
    const signers = new Set<string>()
    for (const replica of world.replicas) {
      const { process, manager } = replica
      if (!process.isRunning || manager === undefined) continue
      // as its HTTP server does: whoever asks a process that has slept waits for it to look
      if (manager.mayHaveSlept) void manager.catchUp()
      else {
        const signer = this.#watchOf(replica, manager).inspect(world, this.#revokedAt)
        if (signer !== undefined && !isBehind(world, replica, manager)) signers.add(signer.kid)
      }
    }
    if (signers.size > 1) this.#inspectSigners(world, signers)
  }

  #watchOf(replica: Replica, manager: KeyManager): ReplicaWatch {
    const known = this.#watches.get(replica)
    if (known !== undefined) return known
    const watch = new ReplicaWatch(replica, manager)
    this.#watches.set(replica, watch)
    return watch
  }

  /** Replicas sign with the same key, but for the skew of their clocks at an activation, and for P after a revocation. */
  #inspectSigners(world: World, kids: ReadonlySet<string>): void {
    const { time, policy, storage, history } = world
    const { clockSkewMs, storePollMs } = policy.timing
    if (!this.#clocks.isSettled(time.now)) return
    const isRecent = (at: number) => time.now - at <= storePollMs + 2 * clockSkewMs
    if ([...this.#revokedAt.values()].some(isRecent)) return
    const keys = storage.ring?.keys.filter(({ kid }) => kids.has(kid)) ?? []
    const isHandover = keys.some(({ activateAt }) => Math.abs(activateAt - time.now) <= 2 * clockSkewMs)
    const names = [...kids].map(history.nameOf).join(' and ')
    if (!isHandover) world.complain(violation('invariant-4', `${names} sign at once`))
    if (keys.length < kids.size)
      world.complain(violation('invariant-4', `${names} sign at once, and not all are published`))
  }
}

/** It would have seen what others wrote in time, had the storage answered. */
function isBehind({ storage }: World, { store }: Replica, manager: KeyManager): boolean {
  const isUnanswered = store.isFailing || storage.state !== 'up'
  return isUnanswered && manager.ring().generation < (storage.ring?.generation ?? 0)
}

function fateOf({ kid, revokedAt }: { kid: string; revokedAt: number | null }) {
  return { kid, fate: revokedAt === null ? 'kept' : 'revoked' }
}
