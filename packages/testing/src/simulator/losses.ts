import { type KeyRing, knownEverywhereAt, leadOf, restoreRing } from '@keyturn/keyring'
import { give, mortalVisitor } from './operator.ts'
import type { World } from './world.ts'

/** The ring is lost, and comes back out of a backup, as docs/recovery.md says. */

/** Who restores in vain tries again after a while. */
const PATIENCE_MS = 2000
const CONFIRMS_EARLY = 0.2

/** An operator puts a copy of the ring aside. */
export function backUp(world: World): void {
  const { storage } = world
  if (storage.isLost || storage.isReplaced || storage.ring === undefined || storage.ring.held !== null) return
  world.backup = storage.ring
  world.note('-', `a backup of generation ${storage.ring.generation} is made`)
}

/** What is stored is no ring any more. An operator finds out sooner or later; what runs goes on with what it has in memory. */
export function lose(world: World): void {
  const { storage, backup, random, policy, time } = world
  if (storage.isLost || storage.isReplaced || backup === undefined) return
  storage.isLost = true
  world.knownEverywhereAt = Number.POSITIVE_INFINITY
  world.note('-', `the ring is lost: generation ${storage.ring?.generation}`)
  time.schedule(random.between(0, policy.timing.rotationIntervalMs), () => restore(world))
}

/** Stops every process, and restores until it is said that the ring is there. */
export function restore(world: World): void {
  if (!world.storage.isLost) return
  for (const replica of [...world.replicas]) world.kill(replica)
  void restoreOnce(world)
}

async function restoreOnce(world: World): Promise<void> {
  const { backup, time } = world
  if (backup === undefined) return
  const visitor = mortalVisitor(world)
  visitor.isRestoring = true
  const stopTrying = time.schedule(PATIENCE_MS, () => lookAgain(world))
  try {
    const { timing } = visitor.policy
    const ring = await restoreRing(visitor.store, backup, { now: visitor.machine.wallClock, timing })
    world.note(visitor.name, `has restored generation ${backup.generation} as ${ring.generation}`)
    stopTrying()
    start(world, ring)
  } catch (error) {
    const { code } = error as { code?: string }
    world.note(visitor.name, `cannot restore: ${code ?? error}`)
  }
  world.leave(visitor)
}

/** Whoever restored may have died before it could say so; and a process may have written what it had in memory before it was ended. */
function lookAgain(world: World): void {
  const { isLost, ring } = world.storage
  if (isLost) restore(world)
  else if (ring !== undefined && ring.held !== null) start(world, ring)
}

/** Starts a process that publishes the restored ring; most operators wait until it may sign. */
function start(world: World, restored: KeyRing): void {
  const { policy, time, random } = world
  const { timing } = policy
  world.unknowableMs = world.longestLeadMs - leadOf(timing)
  world.knownEverywhereAt = knownEverywhereAt(restored, timing) + timing.clockSkewMs + world.unknowableMs
  const waitMs = Math.max(0, world.knownEverywhereAt - time.now)
  if (world.replicas.length === 0) world.start()
  time.schedule(random.chance(CONFIRMS_EARLY) ? random.between(0, waitMs) : waitMs, () => confirm(world))
}

/** An operator lets the restored ring sign, and repeats that until it does. */
export function confirm(world: World): void {
  const { storage, time } = world
  if (storage.isLost || (storage.ring?.held ?? null) === null) return
  void give(world, 'confirm')
  time.schedule(PATIENCE_MS, () => confirm(world))
}
