import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { removeAbandoned } from '@keyturn/keyring/private-files'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { BackupFolder } from './backup-folder.ts'

const WRITER = fileURLToPath(new URL('./backup-writer.fixture.ts', import.meta.url))
const KILLS = 6
const LONGEST_LIFE_MS = 60
let place: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-backup-kill-'))
})
afterEach(() => rm(place, { recursive: true, force: true }))

/** Ends at a random instant; says of which ring it was. */
async function writeUntilKilled(path: string): Promise<string> {
  const writer = spawn(process.execPath, [WRITER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(writer.stdout, 'data')) as [Buffer]
  await sleep(Math.random() * LONGEST_LIFE_MS)
  writer.kill('SIGKILL')
  await once(writer, 'exit')
  return String(line).trim()
}

it('a writer that is killed leaves backups that are whole, and nothing else that stays (R17, R21)', async () => {
  for (let kill = 0; kill < KILLS; kill++) {
    const path = join(place, String(kill))
    const ringId = await writeUntilKilled(path)
    const { whole, damaged } = await new BackupFolder(path, { dataDir: path }).look(ringId)
    const others = (await readdir(path)).filter((name) => !whole.some((backup) => backup.name === name))
    expect(damaged).toEqual([])
    expect(others.length).toBeLessThanOrEqual(1)
    for (const name of others) await utimes(join(path, name), 0, 0)
    await removeAbandoned(path, Date.now())
    expect(await readdir(path)).toHaveLength(whole.length)
  }
}, 60_000)
