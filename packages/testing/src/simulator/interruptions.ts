import { leadOf } from '@keyturn/keyring'
import type { Replica } from './replica.ts'
import type { SimulatedMachine } from './simulated-machine.ts'
import type { World } from './world.ts'

/** What happens to a process without its knowing: it is stopped, its machine sleeps, its clock is set. */

/** A smaller step cannot be told from two clocks that were read one after the other. */
const LEAST_STEP_MS = 1000

/** From which step on a process can see that its clocks went apart: then they are in doubt for a lead. */
export function noticeableStepMs(clockSkewMs: number): number {
  return Math.max(LEAST_STEP_MS, 2 * clockSkewMs) + 2 * clockSkewMs
}

/** Sets the wall clock of a machine: by so much it is ahead from now on. */
export function setClock(world: World, machine: SimulatedMachine, errorMs: number): void {
  const { clockSkewMs } = world.policy.timing
  const stepMs = errorMs - machine.errorMs
  // whoever did not look while it was right sees how far it is now from where it was wrong, and the other way round
  const apartMs = Math.abs(errorMs - machine.lastWrongMs)
  const fromRightMs = Math.abs(errorMs - machine.lastRightMs)
  const wasRight = Math.abs(machine.errorMs) <= clockSkewMs
  const step = {
    stepMs,
    seenMs: Math.min(Math.abs(stepMs), apartMs, fromRightMs),
    leadsBack: wasRight && apartMs <= noticeableStepMs(clockSkewMs),
  }
  machine.setClock(errorMs)
  if (Math.abs(errorMs) > clockSkewMs) {
    machine.lastWrongMs = errorMs
    world.hasSetClocks = true
  } else machine.lastRightMs = errorMs
  // whoever sleeps sees what is left of it when it wakes
  if (machine.isAsleep) machine.setAsleepMs += stepMs
  else for (const replica of residents(world, machine)) stepThrough(replica, step)
}

/** Wakes a machine up: what runs on it finds that the wall clock went on without it. */
export function wake(world: World, machine: SimulatedMachine): void {
  const { setAsleepMs } = machine
  const sleptMs = machine.wake()
  for (const replica of residents(world, machine)) {
    // the clocks agree as before, so nothing could tell it that it slept, and nothing is promised for that (ADR 0011)
    if (hides(replica, sleptMs, setAsleepMs)) {
      world.kill(replica)
      continue
    }
    const stepMs = sleptMs + setAsleepMs
    stepThrough(replica, { stepMs, seenMs: stepMs, leadsBack: false })
    comeBack(world, replica, sleptMs)
  }
}

/** Stops a process; it goes on at {@link goOn}. One that was in the middle of a step ends that first. */
export function stop(world: World, replica: Replica): void {
  const { process, store, pairsUnderWay } = replica
  if (process.isStopped) return
  const isReachable = world.storage.state === 'up' && store.link === 'up'
  const isIdle = isReachable && !store.isBusy && pairsUnderWay === 0
  replica.stoppedAt = isIdle ? world.time.now : Number.POSITIVE_INFINITY
  process.stop()
}

export function goOn(world: World, replica: Replica): void {
  replica.process.resume()
  comeBack(world, replica, world.time.now - replica.stoppedAt)
}

/** A clock that was set by just as much the other way makes a long sleep look like none. */
function hides({ policy }: Replica, sleptMs: number, setAsleepMs: number): boolean {
  const noticeableMs = noticeableStepMs(policy.timing.clockSkewMs)
  return sleptMs > noticeableMs && Math.abs(sleptMs + setAsleepMs) <= noticeableMs
}

function residents(world: World, machine: SimulatedMachine): readonly Replica[] {
  return world.processes.filter((replica) => replica.machine === machine)
}

/** A step of the wall clock, as the processes of its machine may see it. */
interface Step {
  readonly stepMs: number
  /** What is left of it for who looked the last time before the one before. */
  readonly seenMs: number
  /** To where the clock was wrong before, so that nobody may have seen that it was right meanwhile. */
  readonly leadsBack: boolean
}

function stepThrough(replica: Replica, { stepMs, seenMs, leadsBack }: Step): void {
  const { machine, policy, manager, store } = replica
  const noticeableMs = noticeableStepMs(policy.timing.clockSkewMs)
  replica.attendedSince = Math.min(replica.attendedSince, store.decisiveClock)
  // it remembers by the machine's clock since when it watches, and reckons by the storage's
  if (store.hasOwnClock) replica.attendedSince -= Math.min(Math.abs(stepMs), noticeableMs)
  replica.unnoticedMs += stepMs
  if (manager === undefined || (Math.abs(stepMs) <= noticeableMs && !leadsBack)) return
  const isNoticed = Math.min(Math.abs(seenMs), Math.abs(replica.unnoticedMs)) > noticeableMs
  if (isNoticed) replica.unnoticedMs = 0
  // where the clock is as it was before, nobody may have seen that it was otherwise
  replica.doubtedUntil = isNoticed ? machine.monotonicClock + leadOf(policy.timing) : Number.NEGATIVE_INFINITY
}

/** After a long absence the successor of an activation that nobody saw is reckoned from the return (R5). */
function comeBack({ storage }: World, replica: Replica, absentMs: number): void {
  const now = replica.store.decisiveClock
  if (absentMs <= replica.policy.timing.rotationIntervalMs) return
  const since = Math.max(storage.ring?.writtenAt ?? 0, now - absentMs)
  // a process that is late by less may have been busy
  const until = now - LEAST_STEP_MS
  const isMissed = storage.ring?.keys.some(({ activateAt }) => activateAt > since && activateAt < until)
  if (isMissed === true) replica.attendedSince = now
}
