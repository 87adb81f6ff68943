import { rename, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errnoOf, KeyturnError } from '@keyturn/core'
import { syncFolder, temporaryPath, writePrivateFile } from '@keyturn/keyring/private-files'
import type { NewClient } from '../service/client-registry.ts'

/** The file that holds the first client of a data folder, where nobody was there to see its secret. */
export function bootstrapFileOf(dataDir: string): string {
  return join(dataDir, 'bootstrap-client.json')
}

/**
 * Writes the first client down for its owner to read; durable when it resolves.
 *
 * @throws {KeyturnError} `bootstrap_failed`
 */
export async function writeBootstrapFile(path: string, { client, secret }: NewClient): Promise<void> {
  const folder = dirname(path)
  const unfinished = temporaryPath(folder, 'bootstrap')
  try {
    const text = `${JSON.stringify({ clientId: client.clientId, clientSecret: secret })}\n`
    await writePrivateFile(unfinished, text, await stat(folder))
    await rename(unfinished, path).catch(async (error: unknown) => {
      await unlink(unfinished)
      throw error
    })
    await syncFolder(folder)
  } catch (cause) {
    throw new KeyturnError(
      'bootstrap_failed',
      `cannot write the first client's secret to ${path} (${errnoOf(cause)})`,
      {
        remedy: 'check that the disk has space and lets this user write, and start again',
        cause,
      },
    )
  }
}
