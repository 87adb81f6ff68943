import { KeyManager } from '@keyturn/keyring'
import type { Command } from 'commander'
import { type KeyStoreLicence, openSharedKeyStore } from '../key-store.ts'
import { configOf } from './setting-flags.ts'

/** Opens the ring for an operator's command, without serving it. */
export async function visitKeys(
  command: Command,
  action: (manager: KeyManager) => Promise<void>,
  licence: KeyStoreLicence = {},
): Promise<void> {
  const config = configOf(command)
  const manager = await KeyManager.open({
    store: openSharedKeyStore(config, licence),
    policy: config.policy,
    serving: false,
  })
  try {
    await action(manager)
  } finally {
    await manager.close()
  }
}
