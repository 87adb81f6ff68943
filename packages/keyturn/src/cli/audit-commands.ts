import { readFileSync } from 'node:fs'
import { errnoOf, type JsonObject, KeyturnError } from '@keyturn/core'
import type { AuditMark } from '@keyturn/keyring'
import { Command } from 'commander'
import type { AuditFlaw, AuditLine } from '../audit/audit-chain.ts'
import { eventOf, inspectAudit } from '../audit/inspection.ts'
import { isTime, rfc3339, withTimes } from '../service/rfc3339.ts'
import { print, say, table } from './output.ts'
import { configOf, withSettings } from './setting-flags.ts'
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
        const events = (await log.lines()).map(describeLine)
        const rows = events.map(({ seq, at, kind, hash: _hash, ...rest }) => [
          String(seq),
          at ?? '-',
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
    .description('find a line that was removed, altered or cut off, or a log that was replaced')
    .action(async ({ checkpoints: file }: { checkpoints?: string }, command: Command) => {
      const checkpoints = file === undefined ? [] : readCheckpoints(file)
      const mark = await ringMarkOf(command)
      await visitAudit(command, async (audit) => {
        const log = await audit.logId()
        // of replicas each has a log of its own, and the ring remembers the line of the last writer
        const isOfReplica = configOf(command).store === 'postgres' && mark?.log !== log
        const ringMark = isOfReplica ? undefined : mark
        const clientIds = (await audit.list()).map(({ clientId }) => clientId)
        const witnesses = { log, ringMark, checkpoints, clientIds }
        const { flaw, refused, ...counts } = inspectAudit(await audit.lines(), witnesses)
        if (flaw !== undefined) throw auditBroken(flaw)
        if (refused > 0) throw checkpointRefused(refused)
        const text = `whole: ${counts.lines} lines, which the ring and checkpoints vouch for ${counts.heads} times`
        print(command, { valid: true, ringWitnessed: ringMark !== undefined, ...counts }, text)
      })
    })
}

/** After an incident there may be no ring to ask; the log is then held to the rest. */
async function ringMarkOf(command: Command): Promise<AuditMark | undefined> {
  let mark: AuditMark | undefined
  try {
    await visitKeys(command, async (manager) => {
      mark = manager.ring().audit ?? undefined
    })
  } catch (error) {
    if (!(error instanceof KeyturnError) || !/^(ring|kek|store)_/.test(error.code)) throw error
    say(`the ring cannot witness: ${error.code}: ${error.message}`)
  }
  return mark
}

/** A line as it is shown: also one that somebody garbled. */
function describeLine(line: AuditLine) {
  const { at, kind, ...event } = eventOf(line) ?? {}
  return {
    ...(withTimes(event) as JsonObject),
    seq: line.seq,
    at: isTime(at) ? rfc3339(at) : null,
    kind: typeof kind === 'string' ? kind : 'unreadable',
    hash: line.hash,
  }
}

function auditBroken({ seq, flaw }: AuditFlaw): KeyturnError {
  const what =
    flaw === 'replaced'
      ? 'the audit log is not the one that the ring remembers'
      : `line ${seq} of the audit log was ${flaw}`
  return new KeyturnError('audit_broken', what, {
    remedy: 'keep the state file as it is, and find out who could write it',
  })
}

function checkpointRefused(count: number): KeyturnError {
  return new KeyturnError('checkpoint_refused', `${count} checkpoints are not of this log and its keys`, {
    remedy: 'see whether they are of another installation',
  })
}

function readCheckpoints(file: string): readonly string[] {
  const refuse = (why: string, cause?: unknown) =>
    new KeyturnError('checkpoint_unreadable', `the checkpoints in ${file} cannot be read (${why})`, {
      remedy: 'name a file that you can read: checkpoints, one on each line',
      cause,
    })
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw refuse(errnoOf(cause), cause)
  }
  const checkpoints = text.split(/\s+/).filter(Boolean)
  if (checkpoints.length === 0) throw refuse('there is none in it')
  return checkpoints
}
