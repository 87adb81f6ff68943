import { resolve } from 'node:path'
import { KeyturnError } from '@keyturn/core'
import {
  type KeyManager,
  type KeyRing,
  knownEverywhereAt,
  readBackup,
  restoreRing,
  StoreConflict,
  writeBackup,
} from '@keyturn/keyring'
import { Command } from 'commander'
import { eventOf, historySince } from '../audit/inspection.ts'
import { revokeAgain } from '../audit/revocations.ts'
import { openSharedKeyStore, sealingOf } from '../key-store.ts'
import { rfc3339 } from '../service/rfc3339.ts'
import { print, say } from './output.ts'
import { configOf, withSettings } from './setting-flags.ts'
import { auditOf, visitAudit, visitKeys, WITHOUT_AUDIT } from './visit-keys.ts'

/** What `keyturn keys restore` may be told. */
interface RestoreFlags {
  readonly confirm?: boolean
  readonly replaceUnopened?: boolean
  readonly acceptUnsealed?: boolean
  readonly withoutAudit?: boolean
}

/** `keyturn keys backup`: a copy of the ring, with its private halves. */
export function backupCommand(): Command {
  return withSettings(new Command('backup'), 'data-folder')
    .argument('<file>', 'file to write; must not exist yet')
    .description('copy the ring, with its private halves, to a file that only its owner can read')
    .action(async (file: string, _options: unknown, command: Command) => {
      await visitKeys(command, async (manager) => {
        const ring = manager.ring()
        await writeBackup(file, ring, sealingOf(configOf(command)))
        const path = resolve(file)
        print(command, { file: path, ...summaryOf(ring) }, `${path} holds generation ${ring.generation}`)
        say('it holds private keys: keep it as safe as the key store')
      })
    })
}

/** `keyturn keys verify`: whether a ring, or a backup of one, is whole. */
export function verifyCommand(): Command {
  return withSettings(new Command('verify'), 'data-folder')
    .argument('[file]', 'a backup; without it, the ring of the key store')
    .description('check that a ring is whole, and that every private half belongs to its key')
    .action(async (file: string | undefined, _options: unknown, command: Command) => {
      const report = (ring: KeyRing) =>
        print(
          command,
          { valid: true, ...summaryOf(ring) },
          `whole: generation ${ring.generation}, written ${rfc3339(ring.writtenAt)}, ${ring.keys.length} keys`,
        )
      if (file !== undefined) report(await readBackup(file, sealingOf(configOf(command))))
      else await visitKeys(command, async (manager) => report(manager.ring()))
    })
}

/** `keyturn keys restore`: the way back from a ring that is lost or corrupt. */
export function restoreCommand(): Command {
  return withSettings(new Command('restore'), 'data-folder')
    .argument('<file>', 'a backup, or a ring file of a keys folder')
    .option('--confirm', 'let it sign: no key that it holds was revoked since it was written')
    .option(
      '--replace-unopened',
      'replace a ring that no key-encryption key opens, since that key is lost; its files are kept',
    )
    .option('--accept-unsealed', 'take a backup that is not sealed, though there is a key-encryption key')
    .option(...WITHOUT_AUDIT)
    .description(
      'put back a ring that was lost; it verifies at once, and signs once it is confirmed (stop the authority first)',
    )
    .action(async (file: string, options: RestoreFlags, command: Command) => {
      const { confirm, replaceUnopened = false, acceptUnsealed = false } = options
      const config = configOf(command)
      const backup = await readBackup(file, { ...sealingOf(config), acceptUnsealed })
      const hasLog = options.withoutAudit !== true
      const { ring, lacking } = await heldRing(command, backup, replaceUnopened)
      const revokedAgain = hasLog ? await revokeWhatWas(command, ring.ringId) : []
      if (confirm === true) await visitKeys(command, (manager) => manager.confirm())
      const knownFrom = rfc3339(knownEverywhereAt(ring, config.policy.timing))
      print(
        command,
        { confirmed: confirm === true, knownFrom, revokedAgain, lacking, ...summaryOf(ring) },
        `generation ${ring.generation} is restored, and ${confirm === true ? 'signs' : 'verifies'}`,
      )
      for (const kid of revokedAgain) say(`${kid} is revoked again, as the audit log has it`)
      for (const kid of lacking) say(`${kid} is not in it, made after it: tokens that it signed are refused`)
      say(`every verifier that can reach the key set knows its keys from ${knownFrom} on`)
      if (confirm === true) return
      say(`it signs nothing until you run: keyturn keys restore ${file} --confirm`)
      if (hasLog) return
      say(`without the audit log: revoke what was revoked after ${rfc3339(backup.writtenAt)}`)
    })
}

/** `keyturn keys rewrap`: seals the ring under the newest key-encryption key. */
export function rewrapCommand(): Command {
  return withSettings(new Command('rewrap'), 'data-folder')
    .option(...WITHOUT_AUDIT)
    .description('seal the ring under the newest key-encryption key, also one that was not sealed')
    .action(async (_options: unknown, command: Command) => {
      if (sealingOf(configOf(command)).sealer === undefined) {
        throw new KeyturnError('kek_missing', 'there is no key-encryption key to seal the ring under', {
          remedy: 'give one: KEYTURN_KEYS_ENCRYPTION_KEY_FILE',
        })
      }
      const rewrap = async (manager: KeyManager) => {
        await manager.rewrap()
        const { generation } = manager.ring()
        print(command, { generation }, `generation ${generation} is sealed under the newest key`)
        say('restart the authority if it runs without that key: until then it hears of no revocation')
        say(
          'backups keep the key under which they were sealed: make a new one before you give up the old key',
        )
      }
      await visitKeys(command, rewrap, { acceptUnsealed: true })
    })
}

/** Restores it, unless that is done already and only the confirmation is missing. Says which keys it lacks. */
async function heldRing(command: Command, backup: KeyRing, replaceUnopened: boolean) {
  // it may be lost altogether, beside a state that is not
  const config = configOf(command)
  const store = await openSharedKeyStore(config, { initialize: true })
  const audit = auditOf(command)
  try {
    const { latestGeneration, madeKids } = historySince(backup.generation, await audit.lines())
    const restore = () =>
      restoreRing(store, backup, {
        now: Date.now(),
        timing: config.policy.timing,
        audit: audit.trail,
        replaceUnopened,
        latestGeneration,
      })
    // a database also refuses what took longer to arrive than a write may
    const ring = await restore().catch((error: unknown) => {
      if (error instanceof StoreConflict) return restore()
      throw error
    })
    const kids = new Set(ring.keys.map(({ kid }) => kid))
    return { ring, lacking: madeKids.filter((kid) => !kids.has(kid)) }
  } finally {
    await audit.close()
    await store.close?.()
  }
}

/** Revoked is for ever, whatever a backup knows. */
async function revokeWhatWas(command: Command, ringId: string): Promise<readonly string[]> {
  return await visitAudit(command, async (log) => {
    const known = await log.ringId()
    if (known !== undefined && known !== ringId) {
      say('the state here is of another key ring: start it with keyturn serve --init')
      say('the audit log knows of no key of this ring: revoke yourself what was revoked')
      return []
    }
    const lastAt = (await log.lines()).map(eventOf).findLast((event) => typeof event?.at === 'number')?.at
    say(`the audit log knows of what was revoked until ${rfc3339(Number(lastAt ?? 0))}`)
    let kids: readonly string[] = []
    await visitKeys(command, async (manager) => {
      kids = await revokeAgain(manager, log)
    })
    return kids
  })
}

function summaryOf(ring: KeyRing) {
  return {
    generation: ring.generation,
    writtenAt: rfc3339(ring.writtenAt),
    kids: ring.keys.map(({ kid }) => kid),
  }
}
