import { KeyturnError } from '@keyturn/core'
import { type AuditTrail, KeyManager } from '@keyturn/keyring'
import type { Command } from 'commander'
import type { AuditLine } from '../audit/audit-chain.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { actorOf, keyAudit } from '../audit/key-audit.ts'
import { type KeyStoreLicence, openSharedKeyStore } from '../key-store.ts'
import { SqliteState } from '../state/sqlite-state.ts'
import { nameOf } from './command-name.ts'
import { configOf } from './setting-flags.ts'

/** Opens the ring for an operator's command, without serving it. */
export async function visitKeys(
  command: Command,
  action: (manager: KeyManager) => Promise<unknown>,
  licence: KeyStoreLicence = {},
): Promise<void> {
  const config = configOf(command)
  const { policy } = config
  const audit = auditOf(command)
  const store = await openSharedKeyStore(config, licence)
  try {
    const manager = await KeyManager.open({ store, policy, serving: false, audit: audit.trail })
    await action(manager).finally(() => manager.close())
  } finally {
    await audit.close()
    await store.close?.()
  }
}

/** What lets a command change the ring though the audit log cannot be written: an emergency must not wait for a database. */
export const WITHOUT_AUDIT = [
  '--without-audit',
  'do it though it cannot be recorded: the state is lost or cannot be written',
] as const

/** What a command has of the audit log. */
export interface CommandAudit {
  readonly trail: AuditTrail
  /** Every line of it; none where it is to be left out. */
  lines(): Promise<readonly AuditLine[]>
  close(): Promise<void>
}

/** The audit log as a command reaches it: not opened before there is something to write down. */
export function auditOf(command: Command): CommandAudit {
  const { dataDir } = configOf(command)
  const actor = actorOf(nameOf(command))
  const isWithout = command.opts<{ withoutAudit?: boolean }>().withoutAudit === true
  let state: Promise<SqliteState> | undefined
  const reach = async <T>(action: (log: SqliteState) => Promise<T>): Promise<T> => {
    try {
      state ??= SqliteState.open({ dataDir, mayCreate: false })
      return await action(await state)
    } catch (error) {
      throw error instanceof KeyturnError ? notRecorded(error) : error
    }
  }
  return {
    trail: {
      record: async (entry) => (isWithout ? null : await reach((log) => keyAudit(log, actor).record(entry))),
    },
    lines: async () => (isWithout ? [] : await reach((log) => log.lines())),
    close: async () => await (await state?.catch(() => undefined))?.close(),
  }
}

function notRecorded(error: KeyturnError): KeyturnError {
  return new KeyturnError(error.code, `cannot record it: ${error.message}`, {
    remedy: `${error.remedy ?? 'see the log'}; in an emergency: --without-audit`,
    cause: error,
  })
}

/** Opens the state to read its audit log, and who is recorded there. */
export async function visitAudit<T>(
  command: Command,
  action: (state: AuditLog & Pick<SqliteState, 'list' | 'ringId'>) => Promise<T>,
): Promise<T> {
  const state = await SqliteState.open({ dataDir: configOf(command).dataDir, mayCreate: false })
  try {
    return await action(state)
  } finally {
    await state.close()
  }
}
