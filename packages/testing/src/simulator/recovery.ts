import { exposureOf, leadOf } from '@keyturn/keyring'
import { happen, putBack } from './incidents.ts'
import { confirm, restore } from './losses.ts'
import { violation } from './violation.ts'
import type { World } from './world.ts'

/** The rotator waits so long after many failures, and looks at its clock so often. */
const LONGEST_RETRY_MS = 300_000
/** A timer, a write and a key that is being made. */
const SLACK_MS = 5000
const STEP_MS = 500

/**
 * When everything works again, so does the rotation: nobody is in distress, a key is ready, and no private half is left that
 * nobody needs. From then on every promise holds again, also after clocks that were wrong.
 */
export async function recover(world: World): Promise<void> {
  world.note('-', 'everything works again')
  for (const incident of ['setClockRight', 'wake', 'goOn', 'reconnect', 'storageBack'] as const) {
    happen[incident](world)
  }
  putBack(world)
  restore(world)
  confirm(world)
  world.storage.latencyMs = 5
  const { rotationIntervalMs } = world.policy.timing
  // a write may be under way by a clock that was wrong until now
  await world.pass(STEP_MS)
  await outlastTheFuture(world)
  await world.pass(STEP_MS)
  if (world.replicas.length === 0) world.start()
  await world.pass(rotationIntervalMs)
  const deadline = world.time.now + LONGEST_RETRY_MS
  while (!world.isOver && !(isWell(world) && world.isSettled)) {
    await world.pass(STEP_MS)
    if (world.time.now > deadline) complain(world)
  }
  if (!world.isOver) await world.pass(rotationIntervalMs / 2)
}

/** A ring that was written in the future holds its schedule until then. Who is in no hurry waits without any process. */
async function outlastTheFuture(world: World): Promise<void> {
  const { storage, time, policy } = world
  const waitMs = (storage.ring?.writtenAt ?? 0) - time.now
  if (waitMs <= 2 * policy.timing.rotationIntervalMs) return
  world.note('-', 'the processes are ended until it is as late as the ring was written')
  for (const replica of [...world.replicas]) world.kill(replica)
  await world.pass(waitMs)
}

function isWell(world: World): boolean {
  const isFollowed = healths(world).every((health) => health?.status === 'ok' && health.nextKeyReady)
  return isFollowed && keptHalves(world).length === 0
}

function healths({ replicas }: World) {
  return replicas.map(({ manager }) => manager?.health())
}

/** Keys whose private half has had its time, in the ring and in the copy of the one before. */
function keptHalves({ storage, time, policy, history }: World): readonly string[] {
  const propagationMs = leadOf(policy.timing) - exposureOf(policy.timing)
  const late = time.now - propagationMs - SLACK_MS
  const keys = storage.ring?.keys ?? []
  const kept = keys.filter(
    ({ privateKey, signUntil }) => privateKey !== null && (signUntil ?? Infinity) < late,
  )
  return [
    ...kept.map(({ kid }) => history.nameOf(kid)),
    ...(storage.ring?.echoes === true ? ['a key in the generation before'] : []),
  ]
}

function complain(world: World): void {
  const kept = keptHalves(world)
  const isFailing = healths(world).some((health) => health?.nextKeyReady !== true)
  if (kept.length > 0) world.complain(violation('promise-R8', `the private half is kept: ${kept.join(', ')}`))
  if (isFailing) world.complain(violation('promise-R9', 'the rotation does not go on: no next key'))
  if (kept.length === 0 && !isFailing)
    world.complain(violation('promise-R9', `does not recover: ${JSON.stringify(healths(world))}`))
}
