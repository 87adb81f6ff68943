import type { KeyManager, KeyPolicy } from '@keyturn/keyring'
import { SeededRandom } from './seeded-random.ts'
import { changedPolicy, randomPolicy } from './simulated-policy.ts'
import { World } from './world.ts'

/** What {@link simulate} is told. */
export interface SimulationOptions {
  /** Says everything that is left to chance. */
  readonly seed: number
  /** How many things happen. Default 40. */
  readonly steps?: number
}

/** What came of a history. */
export interface SimulationOutcome {
  readonly seed: number
  /** Invariants of the design that did not hold, with their numbers; empty when all did. */
  readonly violations: readonly string[]
  /** What happened, a line each. */
  readonly history: readonly string[]
  /** Of the ring at the end: how many writes there were. */
  readonly generation: number
}

const INCIDENTS = Object.freeze({
  nothing: 30,
  kill: 8,
  start: 8,
  pause: 5,
  resume: 8,
  storageDown: 4,
  storageBack: 8,
  diskFull: 3,
  slowStorage: 3,
  reconfigure: 6,
  hurry: 2,
  rotate: 6,
  queue: 3,
  force: 2,
  revoke: 3,
  fresh: 1,
})
/** The rotator waits so long after many failures. */
const LONGEST_RETRY_MS = 300_000

/**
 * Plays one random history of an authority on virtual time: processes that are killed and stopped, a disk that fails,
 * operators who rotate and revoke, settings that change. Everything is checked after every event.
 *
 * @example
 * const { violations, history } = await simulate({ seed: 7 })
 * if (violations.length > 0) console.log(history.join('\n'))
 */
export async function simulate({ seed, steps = 40 }: SimulationOptions): Promise<SimulationOutcome> {
  const random = new SeededRandom(seed)
  const machines = random.pick(['one', 'many'] as const)
  const policy = randomPolicy(random, machines === 'one' ? 0 : random.between(0, 3) * 100)
  const world = new World({ random, policy, machines })
  world.note(`${machines} machine(s), ${JSON.stringify(policy.timing)}`)
  for (let replica = machines === 'one' ? 1 : random.between(2, 4); replica > 0; replica--) world.start()
  for (let step = 0; step < steps && !world.isOver; step++) {
    await happen(world, random.weighted(INCIDENTS))
    await world.pass(randomGap(world))
  }
  if (!world.isOver) await heal(world)
  const generation = world.storage.ring?.generation ?? 0
  return { seed, violations: world.violations, history: world.history, generation }
}

/** Mostly a moment, sometimes longer than a key lives. */
function randomGap({ random, policy }: World): number {
  const { rotationIntervalMs: interval } = policy.timing
  const longest = random.weighted({ moment: 4, while: 4, rotation: 3, ages: 0.5 })
  const most = { moment: 1000, while: interval / 3, rotation: 1.5 * interval, ages: 5 * interval }[longest]
  return random.between(0, Math.round(most))
}

async function happen(world: World, incident: keyof typeof INCIDENTS): Promise<void> {
  const { random, storage, replicas } = world
  const replica = replicas.length > 0 ? random.pick(replicas) : undefined
  switch (incident) {
    case 'nothing':
      return
    case 'start':
      if (replicas.length < 4) world.start()
      return
    case 'kill':
      if (replica !== undefined) world.kill(replica)
      return
    case 'pause':
      if (replica !== undefined) world.note(`${replica.name} is stopped`)
      return replica?.machine.pause()
    case 'resume':
      for (const { name, machine } of replicas) {
        if (machine.isPaused) world.note(`${name} goes on`)
        machine.resume()
      }
      return
    case 'storageDown':
      storage.isDown = true
      return world.note('the storage is down')
    case 'storageBack':
      if (storage.isDown || storage.isFull) world.note('the storage is back')
      storage.isDown = false
      storage.isFull = false
      return
    case 'diskFull':
      storage.isFull = true
      return world.note('the disk is full')
    case 'slowStorage':
      // slower than that, a write could not be seen within P of its decision, which every formula takes for granted
      storage.latencyMs = Math.floor(random.next() * (world.policy.timing.storePollMs / 8))
      return world.note(`the storage takes ${storage.latencyMs} ms`)
    case 'reconfigure':
      return reconfigure(world)
    case 'hurry':
      return hurry(world)
    case 'rotate':
    case 'queue':
    case 'force':
      void world.command(`rotate ${incident}`, (manager) => rotate(manager, incident), {
        emergency: incident === 'force',
      })
      return
    case 'revoke':
    case 'fresh':
      void revoke(world, incident === 'fresh')
      return
  }
}

function reconfigure(world: World): void {
  const { policy, change } = changedPolicy(world.random, world.policy)
  restartWith(world, policy, change)
}

/** An operator shortens the cache time, and turns the keys twice at once, while old copies of the set are still in use. */
function hurry(world: World): void {
  const { policy, time } = world
  const timing = { ...policy.timing, jwksMaxAgeMs: 0 }
  restartWith(world, { ...policy, timing }, 'jwksMaxAgeMs = 0')
  void world.command('rotate', (manager) => rotate(manager, 'rotate'))
  time.schedule(2 * timing.storePollMs + 1000, () => {
    void world.command('rotate queue', (manager) => rotate(manager, 'queue'))
  })
}

/** Every process is started anew with the changed setting, one after the other. */
function restartWith(world: World, policy: KeyPolicy, change: string): void {
  world.policy = policy
  world.note(`settings change: ${change}`)
  for (const replica of [...world.replicas]) {
    world.kill(replica)
    world.start()
  }
}

async function rotate(manager: KeyManager, how: 'rotate' | 'queue' | 'force'): Promise<string> {
  const { activeKid, activateAt } = await manager.rotate({ force: how === 'force', queue: how === 'queue' })
  return `${activeKid.slice(0, 6)} signs from ${activateAt}`
}

async function revoke(world: World, fresh: boolean): Promise<void> {
  const keys = world.storage.ring?.keys.filter(({ revokedAt }) => revokedAt === null) ?? []
  if (keys.length === 0) return
  const { kid } = world.random.chance(0.6) ? { kid: world.activeKid ?? '' } : world.random.pick(keys)
  const action = async (manager: KeyManager, clockOffsetMs: number) => {
    const doomed = fresh ? keys.filter((key) => key.privateKey !== null || key.kid === kid) : [{ kid }]
    for (const key of doomed) world.crowd.revoke(key.kid, Number.POSITIVE_INFINITY)
    const { refusedEverywhereBy, activeKid } = await manager.revoke(kid, { reason: 'simulated', fresh })
    world.crowd.revoke(kid, refusedEverywhereBy - clockOffsetMs)
    return `${activeKid.slice(0, 6)} signs; refused everywhere by ${refusedEverywhereBy}`
  }
  await world.command(`revoke ${kid.slice(0, 6)}${fresh ? ' --fresh' : ''}`, action, { emergency: true })
}

/** When everything works again, so does the rotation: a key that is ready, and everybody of one mind. */
async function heal(world: World): Promise<void> {
  world.note('everything works again')
  await happen(world, 'resume')
  await happen(world, 'storageBack')
  world.storage.latencyMs = 5
  if (world.replicas.length === 0) world.start()
  const deadline = world.time.now + LONGEST_RETRY_MS
  await world.pass(world.policy.timing.rotationIntervalMs)
  while (!world.isOver && !isWell(world)) {
    await world.pass(500)
    if (world.time.now > deadline) world.complain(`5: does not recover: ${JSON.stringify(healths(world))}`)
  }
}

function isWell(world: World): boolean {
  return healths(world).every((health) => health?.status === 'ok' && health.nextKeyReady)
}

function healths({ replicas }: World) {
  return replicas.map(({ manager }) => manager?.health())
}
