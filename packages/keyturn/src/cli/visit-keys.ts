import { type AuditTrail, KeyManager } from '@keyturn/keyring'
import type { Command } from 'commander'
import type { AuditLog } from '../audit/audit-log.ts'
import { actorOf, keyAudit } from '../audit/key-audit.ts'
import { type KeyStoreLicence, openSharedKeyStore } from '../key-store.ts'
import { SqliteState } from '../state/sqlite-state.ts'
import { configOf } from './setting-flags.ts'

/** Opens the ring for an operator's command, without serving it. */
export async function visitKeys(
  command: Command,
  action: (manager: KeyManager) => Promise<unknown>,
  licence: KeyStoreLicence = {},
): Promise<void> {
  const config = configOf(command)
  const audit = auditOf(command)
  const manager = await KeyManager.open({
    store: openSharedKeyStore(config, licence),
    policy: config.policy,
    serving: false,
    audit: audit.trail,
  })
  try {
    await action(manager)
  } finally {
    await manager.close()
    await audit.close()
  }
}

/** The audit log as a command reaches it: not opened before there is something to write down. */
export function auditOf(command: Command): { readonly trail: AuditTrail; close(): Promise<void> } {
  const { dataDir } = configOf(command)
  const actor = actorOf(nameOf(command))
  let state: Promise<SqliteState> | undefined
  return {
    trail: {
      record: async (entry) => {
        state ??= SqliteState.open({ dataDir, mayCreate: false })
        return await keyAudit(await state, actor).record(entry)
      },
    },
    close: async () => await (await state?.catch(() => undefined))?.close(),
  }
}

/** Opens the audit log to read it. */
export async function visitAudit<T>(command: Command, action: (log: AuditLog) => Promise<T>): Promise<T> {
  const state = await SqliteState.open({ dataDir: configOf(command).dataDir, mayCreate: false })
  try {
    return await action(state)
  } finally {
    await state.close()
  }
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`
}
