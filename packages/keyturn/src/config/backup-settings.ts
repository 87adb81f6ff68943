import { relative, resolve } from 'node:path'
import { keysFolderOf } from '../data-folder.ts'
import type { NameOf, Settings } from './settings.ts'

/** Every way in which settings of backups do not fit the others. */
export function backupDisagreements(settings: Settings, nameOf: NameOf): string[] {
  const { backupDir, backupInterval, dataDir, store } = settings
  const lines: string[] = []
  const name = nameOf('backupDir')
  if (backupInterval < 1000) lines.push(`${nameOf('backupInterval')}: expected at least 1s`)
  if (backupDir === undefined) return lines
  if (store === 'memory') {
    lines.push(`${name}: expected none, since the key ring is to be in memory only: ${nameOf('store')}`)
  }
  if (resolve(backupDir) === resolve(dataDir) || isBelow(backupDir, keysFolderOf(dataDir))) {
    lines.push(
      `${name}: expected another folder than the data folder and its keys, which may be lost as a whole`,
    )
  }
  return lines
}

/** What an operator should know of backups that are made nevertheless. */
export function backupWarnings(
  { backupDir, dataDir }: Settings,
  isSealed: boolean,
  nameOf: NameOf,
): readonly string[] {
  if (backupDir === undefined) return []
  const lines: string[] = []
  const name = nameOf('backupDir')
  if (!isSealed) {
    lines.push(`${name}: backups hold private keys in clear, for want of ${nameOf('keysEncryptionKeyFile')}`)
  }
  if (isBelow(backupDir, dataDir)) {
    lines.push(`${name}: it is in the data folder, and is lost with it: take one on another disk`)
  }
  return lines
}

/** Whether a path is in a folder, or is that folder. */
export function isBelow(path: string, folder: string): boolean {
  return !relative(resolve(folder), resolve(path)).startsWith('..')
}
