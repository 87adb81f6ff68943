import { type KeyPolicy, leadOf } from '@keyturn/keyring'
import { goOn, noticeableStepMs, setClock, stop, wake } from './interruptions.ts'
import { backUp, lose } from './losses.ts'
import { give, giveTo, serversOf } from './operator.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedMachine } from './simulated-machine.ts'
import { changedPolicy } from './simulated-policy.ts'
import type { World } from './world.ts'

/** How often each incident happens, beside the others. */
const WEIGHTS = Object.freeze({
  nothing: 30,
  start: 8,
  kill: 8,
  stop: 5,
  goOn: 8,
  storageDown: 3,
  storageSilent: 2,
  diskFull: 3,
  slowStorage: 3,
  storageBack: 8,
  cutOff: 4,
  reconnect: 6,
  oldRing: 1,
  backUp: 2,
  lose: 2,
  reconfigure: 6,
  hurry: 2,
  rotate: 6,
  queue: 3,
  force: 2,
  revoke: 3,
  fresh: 1,
  import: 3,
  sleep: 3,
  wake: 6,
  wander: 3,
})
/** In a history in which people set clocks. */
const CLOCK_WEIGHTS = Object.freeze({ ...WEIGHTS, lose: 0, setClock: 4, setClockRight: 6 })
const MOST_REPLICAS = 4

/** The names of what can happen. */
export type Incident = keyof typeof CLOCK_WEIGHTS

/** What happens next. */
export function randomIncident(random: SeededRandom, setsClocks: boolean): Incident {
  return setsClocks ? random.weighted(CLOCK_WEIGHTS) : random.weighted(WEIGHTS)
}

/** Lets an incident happen; what it begins goes on by itself. */
export const happen: Readonly<Record<Incident, (world: World) => void>> = Object.freeze({
  nothing: () => {},
  start: (world: World) => {
    if (world.replicas.length < MOST_REPLICAS && !world.storage.isReplaced) world.start()
  },
  kill: (world: World) => forAny(world, world.replicas, (replica) => world.kill(replica)),
  stop: (world: World) =>
    forAny(world, world.replicas, (replica) => {
      world.note(replica.name, 'is stopped')
      stop(world, replica)
    }),
  goOn: (world: World) => {
    for (const replica of world.replicas.filter(({ process }) => process.isStopped)) {
      world.note(replica.name, 'goes on')
      goOn(world, replica)
    }
  },
  storageDown: (world: World) => setStorage(world, 'down', 'the storage is down'),
  storageSilent: (world: World) => setStorage(world, 'silent', 'the storage does not answer'),
  diskFull: (world: World) => {
    world.storage.isFull = true
    world.note('-', 'the disk is full')
  },
  slowStorage: (world: World) => {
    // slower than that, a write could not be seen within P of its decision, which every formula takes for granted
    world.storage.latencyMs = world.random.between(0, Math.floor(world.policy.timing.storePollMs / 8))
    world.note('-', `the storage takes up to ${world.storage.latencyMs} ms`)
  },
  storageBack: (world: World) => {
    world.storage.isFull = false
    setStorage(world, 'up', 'the storage is back')
  },
  cutOff: (world: World) =>
    forAny(world, world.replicas, ({ name, store }) => {
      store.link = world.random.pick(['down', 'silent'])
      world.note(name, `is cut off from the storage (${store.link})`)
    }),
  reconnect: (world: World) => {
    for (const { name, store } of world.replicas.filter(({ store }) => store.link !== 'up')) {
      store.link = 'up'
      world.note(name, 'reaches the storage again')
    }
    world.storage.release()
  },
  oldRing,
  backUp,
  lose,
  reconfigure: (world: World) => {
    const { policy, change } = changedPolicy(world.random, world.policy)
    restartWith(world, policy, change)
  },
  hurry,
  rotate: (world: World) => void give(world, 'rotate'),
  queue: (world: World) => void give(world, 'rotate --queue'),
  force: (world: World) => void give(world, 'rotate --force'),
  revoke: (world: World) => void give(world, 'revoke'),
  fresh: (world: World) => void give(world, 'revoke --fresh'),
  import: (world: World) => void give(world, 'import'),
  sleep: (world: World) =>
    forAny(world, world.replicas, ({ name, machine }) => {
      world.note(name, 'and its machine go to sleep')
      machine.sleep()
    }),
  wake: (world: World) => {
    for (const machine of world.machines.filter(({ isAsleep }) => isAsleep)) {
      wake(world, machine)
      world.note('-', `a machine wakes up: ${namesOn(world, machine)}`)
    }
  },
  wander: (world: World) =>
    forAny(world, world.machines, (machine) => {
      const isRight = Math.abs(machine.errorMs) <= world.policy.timing.clockSkewMs
      if (isRight) setClock(world, machine, world.randomSkew())
    }),
  setClock: (world: World) => forAny(world, world.machines, (machine) => setWrong(world, machine)),
  setClockRight: (world: World) => {
    for (const machine of world.machines) {
      if (Math.abs(machine.errorMs) <= world.policy.timing.clockSkewMs) continue
      setClock(world, machine, world.randomSkew())
      world.note('-', `a clock is set right: ${namesOn(world, machine)}`)
    }
  },
})

/** Somebody puts an old copy of the ring in the place of the right one, and undoes that, while processes run. */
function oldRing(world: World): void {
  const { storage, time, policy, random } = world
  const known = storage.ring?.generation
  const isKnown = world.processes.every(
    ({ manager, store }) => manager?.ring().generation === known && !store.isBusy,
  )
  // who knows less would take the old one for the newest, and nothing in it says otherwise; so would who starts after a restore
  if (storage.isReplaced || storage.isLost || !isKnown || (storage.ring?.held ?? null) !== null) return
  const generation = storage.showOldRing()
  if (generation === undefined) return
  world.note('-', `an old ring is put in place: generation ${generation}`)
  time.schedule(random.between(1, 4 * policy.timing.storePollMs), () => putBack(world))
}

/** The right ring is in place again; who starts meanwhile cannot know of it, so nobody does. */
export function putBack(world: World): void {
  if (!world.storage.isReplaced) return
  world.storage.showRing()
  world.note('-', 'the right ring is in place again')
}

/** An operator shortens the cache time, and turns the keys twice at once, while old copies of the set are still in use. */
function hurry(world: World): void {
  const { policy, time } = world
  const timing = { ...policy.timing, jwksMaxAgeMs: 0 }
  restartWith(world, { ...policy, timing }, 'jwksMaxAgeMs = 0')
  void give(world, 'rotate')
  time.schedule(2 * timing.storePollMs + 1000, () => void give(world, 'rotate --queue'))
}

/** Every process is started anew with the changed setting, one after the other. */
function restartWith(world: World, policy: KeyPolicy, change: string): void {
  if (world.storage.isReplaced) return
  world.policy = policy
  world.note('-', `the settings change: ${change}`)
  for (const replica of [...world.replicas]) {
    world.kill(replica)
    world.start(replica.machine)
  }
}

function setStorage(world: World, state: World['storage']['state'], what: string): void {
  if (world.storage.state !== state || state === 'up') world.note('-', what)
  world.storage.state = state
  world.storage.release()
}

/** Some operator gives an order soon after, by that clock. */
function setWrong(world: World, machine: SimulatedMachine): void {
  const { random, policy, time } = world
  if (Math.abs(machine.errorMs) > policy.timing.clockSkewMs) return
  const errorMs = randomError(world)
  setClock(world, machine, errorMs)
  world.note('-', `a clock is set to ${errorMs / 1000} s: ${namesOn(world, machine)}`)
  if (!random.chance(0.6)) return
  const order = random.pick(['rotate', 'rotate --queue', 'rotate --force'] as const)
  time.schedule(random.between(0, Math.round(leadOf(policy.timing) / 2)), () => {
    const servers = serversOf(world).filter((it) => it.machine === machine)
    forAny(world, servers, (server) => void giveTo(world, server, order))
  })
}

/** By less than a process can notice, by some seconds, by more than an interval, or by many of them: hours, in proportion. */
function randomError({ random, policy }: World): number {
  const { rotationIntervalMs: interval, clockSkewMs: skew } = policy.timing
  const least = noticeableStepMs(skew) + 1
  const [from, to] = {
    little: [skew + 1, least],
    seconds: [least, least + 5000],
    interval: [least, 3 * interval],
    hours: [3 * interval, 200 * interval],
  }[random.weighted({ little: 1, seconds: 2, interval: 3, hours: 1 })] as [number, number]
  return random.pick([1, -1]) * random.between(from, to)
}

function namesOn(world: World, machine: SimulatedMachine): string {
  const names = world.processes.filter((replica) => replica.machine === machine).map(({ name }) => name)
  return names.join(', ') || 'nothing runs there'
}

function forAny<T>({ random }: World, list: readonly T[], action: (one: T) => void): void {
  if (list.length > 0) action(random.pick(list))
}
