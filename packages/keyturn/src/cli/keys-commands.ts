import { Command, InvalidArgumentError, Option } from 'commander'
import {
  type DescribedKey,
  describeRevocation,
  describeRing,
  describeRotation,
} from '../service/key-reports.ts'
import { backupCommand, restoreCommand, rewrapCommand, verifyCommand } from './backup-commands.ts'
import { importCommand } from './import-command.ts'
import { print, say, table } from './output.ts'
import { rootCommand } from './root-command.ts'
import { withSettings } from './setting-flags.ts'
import { visitKeys, WITHOUT_AUDIT } from './visit-keys.ts'
import { waitUntil } from './wait-until.ts'

/** `keyturn keys`: looks at the ring and changes it, with the authority up or down. */
export function keysCommands(): Command {
  const keys = new Command('keys').description('the key ring')
  keys.addCommand(listCommand())
  keys.addCommand(rotateCommand())
  keys.addCommand(revokeCommand())
  keys.addCommand(importCommand())
  for (const command of [backupCommand(), restoreCommand(), verifyCommand(), rewrapCommand()]) {
    keys.addCommand(command)
  }
  keys.addCommand(rootCommand())
  return keys
}

function listCommand(): Command {
  return withSettings(new Command('list'), 'data-folder')
    .description('show every key and its times')
    .action(async (_options: unknown, command: Command) => {
      await visitKeys(command, async (manager) => {
        const ring = describeRing(manager.ring(), manager.now)
        print(command, ring, tableOf(ring.keys))
        if (ring.held)
          say('it came out of a backup, and signs nothing until: keyturn keys restore FILE --confirm')
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
        const report = describeRotation(rotation)
        const { activeKid, activateAt } = report
        if (options.wait === true && rotation.activateAt > Date.now()) {
          say(`waiting until ${activateAt}, when ${activeKid} signs`)
          await waitUntil(rotation.activateAt)
        }
        print(command, report, `${activeKid} signs from ${activateAt}`)
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
        const report = describeRevocation(outcome)
        const lines = [
          ...report.revokedKids.map((revoked) => `${revoked} is revoked`),
          `${report.activeKid} signs; refused everywhere by ${report.refusedEverywhereBy}`,
        ]
        print(command, report, lines.join('\n'))
        say('a verifier that cannot reach the key set refuses it at the end of its stale-if-error time')
      })
    })
}

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
