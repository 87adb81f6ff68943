import { formatDuration } from '@keyturn/core'
import { exposureOf, graceOf, leadOf } from '@keyturn/keyring'
import { Command } from 'commander'
import type { AuthorityConfig } from '../config/load-config.ts'
import { openRootKey } from '../root-key.ts'
import { print, say, table } from './output.ts'
import { configOf, withSettings } from './setting-flags.ts'

/** `keyturn config`: whether settings are well formed and fit together. */
export function configCommands(): Command {
  const config = new Command('config').description('the configuration')
  config.addCommand(checkCommand())
  return config
}

function checkCommand(): Command {
  return withSettings(new Command('check'), 'all')
    .description('check flags, environment and file, and show what follows from them')
    .action(async (_options: unknown, command: Command) => {
      const config = configOf(command)
      const { issuer, audience, dataDir, policy, accessTokenTtlSeconds, warnings } = config
      const { timing, algorithm } = policy
      const rootKid = config.root === undefined ? null : (await openRootKey(config.root.file)).kid
      const rows = [
        ['issuer', issuer],
        ['audience', audience],
        ['data folder', dataDir],
        ['backups', describeBackups(config)],
        ['algorithm', algorithm],
        ['access token lifetime', formatDuration(accessTokenTtlSeconds * 1000)],
        ['a key signs for', formatDuration(timing.rotationIntervalMs)],
        ['it is published before, at least', formatDuration(leadOf(timing))],
        ['it is published after, for', formatDuration(graceOf(timing))],
        ['a revoked key is refused within', formatDuration(exposureOf(timing) + timing.storePollMs)],
        ['root key', rootKid ?? 'none'],
      ] as const
      const data = {
        valid: true,
        issuer,
        audience,
        dataDir,
        backups: backupsOf(config),
        algorithm,
        accessTokenTtlSeconds,
        rotationIntervalSeconds: timing.rotationIntervalMs / 1000,
        leadSeconds: leadOf(timing) / 1000,
        graceSeconds: graceOf(timing) / 1000,
        revocationSeconds: (exposureOf(timing) + timing.storePollMs) / 1000,
        rootKid,
        warnings,
      }
      print(command, data, table([['configuration', 'valid'], ...rows]))
      for (const warning of warnings) say(`warning: ${warning}`)
    })
}

function describeBackups({ backups }: AuthorityConfig): string {
  if (backups === undefined) return 'none'
  return `${backups.dir}, every ${formatDuration(backups.intervalMs)}, ${backups.keep} are kept`
}

function backupsOf({ backups }: AuthorityConfig) {
  if (backups === undefined) return null
  return { dir: backups.dir, intervalSeconds: backups.intervalMs / 1000, keep: backups.keep }
}
