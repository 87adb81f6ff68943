import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { DEFAULT_POLICY, FileKeyStore, KeyManager, StoreConflict } from '@keyturn/keyring'

/**
 * `node ring-writer.ts MODE FOLDER…`: writes generations of the ring in a folder, and says on stdout which ones it won.
 *
 * - `loop`: one after another, until it is killed
 * - `race`: as many as it is told on stdin, beside others
 * - `once`: one, after so many other file operations that a count of system calls on the pool's only thread is ahead of
 *   that on the main thread
 * - `begin`: opens one folder after another as an authority does, which makes a ring where there is none
 */

const [mode, directory = '', ...others] = process.argv.slice(2)
const store = new FileKeyStore({ directory })
const WARM_UP = 100

if (mode === 'loop') for (;;) await saveNext()
if (mode === 'race') {
  process.stdout.write('ready\n')
  const [until] = await once(process.stdin, 'data')
  while (((await store.load())?.generation ?? 0) < Number(until)) await saveNext()
  process.exit(0)
}
if (mode === 'once') {
  for (let time = 0; time < WARM_UP; time++) {
    const file = await open('/dev/null', 'w')
    await file.writeFile('.')
    await file.close()
  }
  await saveNext().catch(({ code }) => {
    process.stdout.write(`${code}\n`)
  })
}
if (mode === 'begin') {
  for (const folder of [directory, ...others]) {
    const algorithm = process.env.RING_ALGORITHM === 'RS256' ? 'RS256' : 'EdDSA'
    const policy = { ...DEFAULT_POLICY, algorithm } as const
    const keys = await KeyManager.open({ store: new FileKeyStore({ directory: folder }), policy })
    process.stdout.write(`${keys.ring().generation}\n`)
    await keys.close()
  }
}

async function saveNext(): Promise<void> {
  const ring = await store.load()
  if (ring === undefined) throw new Error('expected a ring')
  try {
    await store.save({ ...ring, generation: ring.generation + 1 }, ring.generation)
  } catch (error) {
    if (error instanceof StoreConflict) return
    throw error
  }
  process.stdout.write(`${ring.generation + 1}\n`)
}
