import type { KeyPolicy } from '@keyturn/keyring'
import { happen, randomIncident } from './incidents.ts'
import { Inspector } from './inspector.ts'
import { recover } from './recovery.ts'
import { SeededRandom } from './seeded-random.ts'
import { randomPolicy } from './simulated-policy.ts'
import type { Violation } from './violation.ts'
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
  /** Promises that did not hold; empty when all did. */
  readonly violations: readonly Violation[]
  /** What happened, a line each, for a person to read. The same seed gives the same lines. */
  readonly history: readonly string[]
  /** How often the ring was written. */
  readonly writes: number
}

const LARGEST_SKEW_MS = 300
const SETS_CLOCKS = 0.3

/**
 * Plays one random history of an authority on virtual time: processes that are killed and stopped, machines that sleep,
 * clocks that are set, a storage that fails for all or for one, operators who rotate and revoke, settings that change.
 * Everything is checked after every event.
 *
 * @example
 * const { violations, history } = await simulate({ seed: 7 })
 * if (violations.length > 0) console.log(history.join('\n'))
 */
export async function simulate({ seed, steps = 40 }: SimulationOptions): Promise<SimulationOutcome> {
  const random = new SeededRandom(seed)
  const machines = random.pick(['one', 'many'] as const)
  const policy = randomPolicy(random, random.pick([0, 100, 200, LARGEST_SKEW_MS]))
  const setsClocks = random.chance(SETS_CLOCKS)
  const world = new World({ random, policy, machines, observer: new Inspector() })
  const { history, time, storage } = world
  // not out of the same chance: the histories of a seed stay as they are
  if (machines === 'many') storage.clockErrorMs = clockError(new SeededRandom(~seed), policy)
  world.note('-', `seed ${seed}, ${machines} machine(s); seconds: ${history.describePolicy(policy)}`)
  for (let replica = machines === 'one' ? 1 : random.between(2, 4); replica > 0; replica--) world.start()
  for (let step = 0; step < steps && !world.isOver; step++) {
    happen[randomIncident(random, setsClocks)](world)
    await world.pass(randomGap(world))
  }
  if (!world.isOver) await recover(world)
  if (world.isOver) history.close(time.now, storage.ring, world.replicas.map(describe))
  return {
    seed,
    violations: world.violations,
    history: history.lines,
    writes: storage.writes,
  }
}

/** Half of the databases date what is written into them; by a clock as good as the others. */
function clockError(random: SeededRandom, { timing }: KeyPolicy): number | undefined {
  return random.chance(0.5) ? random.between(-timing.clockSkewMs, timing.clockSkewMs) : undefined
}

/** Mostly a moment, sometimes longer than a key lives. */
function randomGap({ random, policy }: World): number {
  const { rotationIntervalMs: interval } = policy.timing
  const longest = random.weighted({ moment: 4, while: 4, rotation: 3, ages: 0.5 })
  const most = { moment: 1000, while: interval / 3, rotation: 1.5 * interval, ages: 5 * interval }[longest]
  return random.between(0, Math.round(most))
}

function describe({ name, process, machine, manager, store, isInDoubt }: World['replicas'][number]) {
  const conditions = [
    process.isStopped ? 'stopped' : '',
    machine.isAsleep ? 'asleep' : '',
    store.link === 'up' ? '' : `cut off (${store.link})`,
    isInDoubt ? 'in doubt of its clock' : '',
  ].filter((condition) => condition !== '')
  return {
    name,
    condition: conditions.join(', ') || 'running',
    ring: manager?.ring(),
    now: manager?.now,
    clockErrorMs: machine.errorMs,
    lastContactAt: store.lastContactAt,
  }
}
