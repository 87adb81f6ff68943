import { readFileSync } from 'node:fs'
import { KeyturnError } from '@keyturn/core'
import { Command } from 'commander'
import { inspectAudit } from '../audit/inspection.ts'
import { print, rfc3339, table } from './output.ts'
import { withSettings } from './setting-flags.ts'
import { visitAudit, visitKeys } from './visit-keys.ts'

/** `keyturn audit`: what happened to the keys, and whether the record of it is whole. */
export function auditCommands(): Command {
  const audit = new Command('audit').description('the record of what happened to the keys')
  audit.addCommand(listCommand())
  audit.addCommand(verifyCommand())
  return audit
}

function listCommand(): Command {
  return withSettings(new Command('list'), 'data-folder')
    .description('show every line')
    .action(async (_options: unknown, command: Command) => {
      await visitAudit(command, async (log) => {
        const lines = await log.lines()
        const events = lines.map((line) => ({ seq: line.seq, ...JSON.parse(line.body), hash: line.hash }))
        const rows = events.map(({ seq, at, kind, hash: _hash, ...rest }) => [
          String(seq),
          rfc3339(at),
          kind,
          JSON.stringify(rest),
        ])
        print(command, { events }, table([['LINE', 'TIME', 'KIND', 'DETAILS'], ...rows]))
      })
    })
}

function verifyCommand(): Command {
  return withSettings(new Command('verify'), 'data-folder')
    .option('--checkpoints <file>', 'checkpoints that were kept elsewhere, one a line')
    .description('find a line that was removed, altered or cut off')
    .action(async ({ checkpoints: file }: { checkpoints?: string }, command: Command) => {
      const checkpoints = file === undefined ? [] : readCheckpoints(file)
      await visitKeys(command, async (manager) => {
        await visitAudit(command, async (audit) => {
          const log = await audit.logId()
          const mark = manager.ring().audit
          const ringHead = mark?.log === log ? mark : undefined
          const { flaw, refused, ...counts } = inspectAudit(await audit.lines(), {
            log,
            ringHead,
            checkpoints,
          })
          if (flaw !== undefined) {
            throw new KeyturnError('audit_broken', `line ${flaw.seq} of the audit log was ${flaw.flaw}`, {
              remedy: 'keep the state file as it is, and find out who could write it',
            })
          }
          if (refused > 0) {
            throw new KeyturnError(
              'checkpoint_refused',
              `${refused} checkpoints are not of this log and its keys`,
              {
                remedy: 'see whether they are of another installation',
              },
            )
          }
          print(
            command,
            { valid: true, ...counts },
            `whole: ${counts.lines} lines, as ${counts.heads} heads have it`,
          )
        })
      })
    })
}

function readCheckpoints(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8').split(/\s+/).filter(Boolean)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new KeyturnError('checkpoint_unreadable', `the checkpoints in ${file} cannot be read (${code})`, {
      cause,
    })
  }
}
