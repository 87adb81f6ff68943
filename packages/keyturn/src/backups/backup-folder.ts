import { lstat, readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, KeyturnError } from '@keyturn/core'
import { checkBackup, type KeyRing, readBackup, type Sealing, writeBackup } from '@keyturn/keyring'
import {
  assertPrivateFolder,
  makePrivateFolder,
  removeAbandoned,
  syncFolder,
  temporaryPath,
} from '@keyturn/keyring/private-files'
import { type Backup, backupOf, byGeneration, parseBackupName } from './backup-name.ts'

/** The backups of a ring that a folder holds, the earliest generation first. */
export interface BackupInventory {
  readonly whole: readonly Backup[]
  /** Names of those that are not as they were written, or cannot be read. */
  readonly damaged: readonly string[]
  /** They are on the disk of the data folder, and are lost with it. */
  readonly sharesDisk: boolean
}

/** What seals backups, and what they are backups of. */
export interface BackupFolderOptions extends Sealing {
  readonly dataDir: string
}

/** A folder of backups. It is as private as the data folder, and may hold what is none of ours: that is left alone. */
export class BackupFolder {
  readonly #path: string
  readonly #options: BackupFolderOptions
  #isMade = false

  constructor(path: string, options: BackupFolderOptions) {
    this.#path = path
    this.#options = options
  }

  /**
   * Looks at every backup of a ring. Makes the folder at the first look; later it is there, or was lost.
   *
   * @throws {KeyturnError} `store_unsafe`, `backup_failed`
   */
  async look(ringId: string): Promise<BackupInventory> {
    return await this.#guarded(async () => {
      if (!this.#isMade) await makePrivateFolder(this.#path)
      await assertPrivateFolder(this.#path)
      this.#isMade = true
      const names = await readdir(this.#path)
      const backups = names.map(parseBackupName).filter((backup) => backup !== undefined)
      const whole: Backup[] = []
      const damaged: string[] = []
      for (const backup of backups.filter((it) => it.ringId === ringId).sort(byGeneration)) {
        if (await this.#isWhole(backup)) whole.push(backup)
        else damaged.push(backup.name)
      }
      return { whole, damaged, sharesDisk: await this.#sharesDisk() }
    })
  }

  /**
   * Writes a backup under a temporary name, reads it back as a restore would, and only then gives it its name.
   *
   * @throws {KeyturnError} `backup_failed`, and what {@link readBackup} throws
   */
  async write(ring: KeyRing, now: number): Promise<Backup> {
    return await this.#guarded(async () => {
      await removeAbandoned(this.#path, now)
      const backup = backupOf(ring, now)
      const temporary = temporaryPath(this.#path, 'backup')
      await writeBackup(temporary, ring, this.#options)
      try {
        await readBackup(temporary, this.#options)
        await rename(temporary, join(this.#path, backup.name))
      } catch (error) {
        await unlink(temporary).catch(() => {})
        throw error
      }
      await syncFolder(this.#path)
      return backup
    })
  }

  /** Deletes a backup, which somebody else may have done already. */
  async delete({ name }: Backup): Promise<void> {
    await this.#guarded(async () => {
      await unlink(join(this.#path, name)).catch((error: unknown) => {
        if (errnoOf(error) !== 'ENOENT') throw error
      })
    })
  }

  async #isWhole({ name, generation }: Backup): Promise<boolean> {
    const path = join(this.#path, name)
    try {
      await checkBackup(path, generation)
      return true
    } catch (error) {
      // another replica may just have deleted it
      if (error instanceof KeyturnError) return (await lstat(path).catch(() => undefined)) === undefined
      throw error
    }
  }

  async #sharesDisk(): Promise<boolean> {
    const data = await stat(this.#options.dataDir).catch(() => undefined)
    return data?.dev === (await stat(this.#path)).dev
  }

  async #guarded<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (cause) {
      if (cause instanceof KeyturnError) throw cause
      const why = `cannot work with the backups in ${this.#path} (${errnoOf(cause)})`
      throw new KeyturnError('backup_failed', why, {
        remedy: 'check that the disk is mounted, has space and lets this user write',
        cause,
      })
    }
  }
}
