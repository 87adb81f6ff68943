import type { KeyManager } from '@keyturn/keyring'
import type { Replica } from './replica.ts'
import type { World } from './world.ts'

/** What an operator can order, by the names of the command line. */
export type Order =
  | 'rotate'
  | 'rotate --queue'
  | 'rotate --force'
  | 'revoke'
  | 'revoke --fresh'
  | 'import'
  | 'confirm'

/** Tells a process what to do; what comes of it is for the history. */
type Errand = (manager: KeyManager, replica: Replica) => Promise<object>

/** A process that serves takes an order as well, as by the admin API. */
const GIVEN_TO_A_SERVER = 0.3
/** An operator is called away, or the machine stops. */
const DIES_ON_THE_WAY = 0.1

/** An operator gives an order to a process that serves, or starts one for it; hears what comes of it, if that lives so long. */
export async function give(world: World, order: Order): Promise<void> {
  const { random, storage } = world
  const servers = serversOf(world)
  if (servers.length > 0 && random.chance(GIVEN_TO_A_SERVER)) {
    await giveTo(world, random.pick(servers), order)
    return
  }
  // who opens an old ring cannot know that it is one
  if (storage.isReplaced) return
  const visitor = mortalVisitor(world)
  await carryOut(world, visitor, { order, opened: world.open(visitor) })
  world.leave(visitor)
}

/** A process of the command line, which may not live as long as its order takes. */
export function mortalVisitor(world: World): Replica {
  const { random, time, storage } = world
  const visitor = world.visit()
  if (random.chance(DIES_ON_THE_WAY)) {
    time.schedule(random.between(0, 4 * storage.latencyMs), () => world.leave(visitor))
  }
  return visitor
}

/** Processes that can be told something now. */
export function serversOf({ replicas }: World): readonly Replica[] {
  return replicas.filter(({ manager, process }) => manager !== undefined && process.isRunning)
}

/** An operator gives an order to a process that serves. */
export async function giveTo(world: World, server: Replica, order: Order): Promise<void> {
  await carryOut(world, server, { order, opened: Promise.resolve(server.manager) })
}

async function carryOut(
  world: World,
  replica: Replica,
  { order, opened }: { readonly order: Order; readonly opened: Promise<KeyManager | undefined> },
): Promise<void> {
  const isEmergency = order === 'rotate --force' || order.startsWith('revoke')
  const errand = errandOf(world, order)
  replica.errands += 1
  if (isEmergency) replica.emergencies += 1
  world.note(replica.name, `is told: ${order}`)
  try {
    const manager = await opened
    const outcome = manager && (await errand(manager, replica))
    world.note(replica.name, world.history.describeEvent({ kind: 'done:', ...outcome }))
  } catch (error) {
    world.note(replica.name, `cannot: ${(error as { code?: string }).code ?? error}`)
  } finally {
    replica.errands -= 1
    if (isEmergency) replica.emergencies -= 1
  }
}

function errandOf(world: World, order: Order): Errand {
  if (order === 'import') return importation(world)
  if (order === 'confirm') return confirmation
  return order.startsWith('rotate') ? rotation(order) : revocation(world, order === 'revoke --fresh')
}

const confirmation: Errand = async (manager) => {
  await manager.confirm()
  return {}
}

function importation(world: World): Errand {
  return async (manager) => ({ ...(await manager.importKey(world.foreignPair())) })
}

function rotation(order: Order): Errand {
  return async (manager) => {
    const { activeKid, activateAt } = await manager.rotate({
      force: order === 'rotate --force',
      queue: order === 'rotate --queue',
    })
    return { activeKid, activateAt }
  }
}

/** Of the active key more often than of another. */
function revocation(world: World, storeLeaked: boolean): Errand {
  const { random, time } = world
  return async (manager, { machine, leaks }) => {
    const keys = manager.ring().keys.filter(({ revokedAt }) => revokedAt === null)
    const active = keys.find(({ signUntil }) => signUntil === null || signUntil > time.now)
    const { kid } = active !== undefined && random.chance(0.6) ? active : random.pick(keys)
    const leaked = new Set(keys.filter(({ privateKey }) => privateKey !== null).map((key) => key.kid))
    if (storeLeaked) leaks.add(leaked)
    const outcome = await manager
      .revoke(kid, { reason: 'simulated', storeLeaked })
      .finally(() => leaks.delete(leaked))
    const { revokedKids, activeKid, refusedEverywhereBy } = outcome
    // what a clock prints that was set, only that clock understands
    if (world.isSettled) {
      const unknowableMs = time.now < world.knownEverywhereAt ? world.unknowableMs : 0
      const promisedBy = refusedEverywhereBy - machine.errorMs + unknowableMs
      for (const revoked of revokedKids) world.crowd.revoke(revoked, promisedBy)
    }
    return { revokedKids, activeKid, refusedEverywhereAt: refusedEverywhereBy }
  }
}
