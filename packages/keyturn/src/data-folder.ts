import { join } from 'node:path'

/** The folder that holds the ring of a data folder. */
export function keysFolderOf(dataDir: string): string {
  return join(dataDir, 'keys')
}
