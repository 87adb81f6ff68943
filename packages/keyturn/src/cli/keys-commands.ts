import { setTimeout as sleep } from 'node:timers/promises'
import { type KeyRecord, stateOf } from '@keyturn/keyring'
import { Command, InvalidArgumentError, Option } from 'commander'
import { backupCommand, restoreCommand, rewrapCommand, verifyCommand } from './backup-commands.ts'
import { print, rfc3339, say, table } from './output.ts'
import { withSettings } from './setting-flags.ts'
import { visitKeys, WITHOUT_AUDIT } from './visit-keys.ts'

/** `keyturn keys`: looks at the ring and changes it, with the authority up or down. */
export function keysCommands(): Command {
  const keys = new Command('keys').description('the key ring')
  keys.addCommand(listCommand())
  keys.addCommand(rotateCommand())
  keys.addCommand(revokeCommand())
  for (const command of [backupCommand(), restoreCommand(), verifyCommand(), rewrapCommand()]) {
    keys.addCommand(command)
  }
  return keys
}

function listCommand(): Command {
  return withSettings(new Command('list'), 'data-folder')
    .description('show every key and its times')
    .action(async (_options: unknown, command: Command) => {
      await visitKeys(command, async (manager) => {
        const ring = manager.ring()
        const { now } = manager
        const keys = ring.keys.map((key) => describeKey(key, now)).filter(({ state }) => state !== 'removed')
        print(command, { generation: ring.generation, keys }, tableOf(keys))
      })
    })
}

function rotateCommand(): Command {
  return withSettings(new Command('rotate'), 'data-folder')
    .description('let the next key sign now, or as soon as its lead allows')
    .addOption(
      new Option('--queue', 'book the earliest safe time instead of being refused').conflicts('force'),
    )
    .option(
      '--force',
      'do it now, though verifiers that have not seen the key refuse its tokens until they refresh',
    )
    .option(...WITHOUT_AUDIT)
    .option('--wait', 'return when the key signs')
    .action(async (options: { queue?: boolean; force?: boolean; wait?: boolean }, command: Command) => {
      await visitKeys(command, async (manager) => {
        const rotation = await manager.rotate({
          queue: options.queue === true,
          force: options.force === true,
        })
        const activateAt = rfc3339(rotation.activateAt)
        const waitMs = rotation.activateAt - Date.now()
        if (options.wait === true && waitMs > 0) {
          say(`waiting until ${activateAt}, when ${rotation.activeKid} signs`)
          await sleep(waitMs)
        }
        print(command, { ...rotation, activateAt }, `${rotation.activeKid} signs from ${activateAt}`)
      })
    })
}

function revokeCommand(): Command {
  return withSettings(new Command('revoke'), 'data-folder')
    .argument('<kid>', 'key to revoke; see: keyturn keys list')
    .requiredOption(
      '--reason <text>',
      'why; `keys list` shows it until the key would have gone anyway (required)',
    )
    .option(
      '--fresh',
      'the store leaked: revoke every key whose private half is in it, and sign with a new pair',
    )
    .option(...WITHOUT_AUDIT)
    .description('take a key out of use now; verifiers refuse its tokens by the printed time')
    .action(async (kid: string, options: { reason: string; fresh?: boolean }, command: Command) => {
      if (options.reason.trim() === '')
        throw new InvalidArgumentError('--reason: expected why; it is kept with the key')
      await visitKeys(command, async (manager) => {
        const outcome = await manager.revoke(kid, {
          reason: options.reason,
          storeLeaked: options.fresh === true,
        })
        const refusedEverywhereBy = rfc3339(outcome.refusedEverywhereBy)
        const lines = [
          ...outcome.revokedKids.map((revoked) => `${revoked} is revoked`),
          `${outcome.activeKid} signs; refused everywhere by ${refusedEverywhereBy}`,
        ]
        print(command, { ...outcome, refusedEverywhereBy }, lines.join('\n'))
        if (!outcome.revokedKids.includes(kid)) say(`${kid} was out of use before`)
        say('a verifier that cannot reach the key set refuses it at the end of its stale-if-error time')
      })
    })
}

type DescribedKey = ReturnType<typeof describeKey>

/** What was revoked has two columns more, where there is any. */
function tableOf(keys: readonly DescribedKey[]): string {
  const head = ['KID', 'STATE', 'ALG', 'SIGNS FROM', 'SIGNS UNTIL', 'PUBLISHED UNTIL']
  const row = (key: DescribedKey) => [
    key.kid,
    key.state,
    key.alg,
    key.activateAt,
    key.signUntil ?? '-',
    key.publishUntil ?? '-',
  ]
  if (keys.every(({ revokedAt }) => revokedAt === null)) return table([head, ...keys.map(row)])
  const more = (key: DescribedKey) => [key.revokedAt ?? '-', onOneLine(key.revokedReason ?? '-')]
  return table([[...head, 'REVOKED AT', 'REASON'], ...keys.map((key) => [...row(key), ...more(key)])])
}

/** A person's words must not look like another row. */
function onOneLine(text: string): string {
  return text.replaceAll('\n', '\\n')
}

function describeKey(key: KeyRecord, now: number) {
  return {
    kid: key.kid,
    alg: key.alg,
    state: stateOf(key, now),
    createdAt: rfc3339(key.createdAt),
    publishedAt: rfc3339(key.publishedAt),
    activateAt: rfc3339(key.activateAt),
    signUntil: rfc3339(key.signUntil),
    publishUntil: rfc3339(key.publishUntil),
    maxTtlSeconds: key.maxTtlSeconds,
    revokedAt: rfc3339(key.revokedAt),
    revokedReason: key.revokedReason,
  }
}
