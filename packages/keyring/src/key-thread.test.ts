import { createPublicKey } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { describe, expect, it } from 'vitest'
import { KeyThread } from './key-thread.ts'

const spkiOf = (key: Parameters<typeof createPublicKey>[0]) =>
  createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('hex')

describe('a thread that makes keys (R10)', () => {
  it('gives each who asks at once a key of their own', async () => {
    const thread = new KeyThread()
    const keys = await Promise.all(
      Array.from({ length: 8 }, (_, index) => thread.generate(index % 2 ? 'ed25519' : 'ed448', {})),
    )
    expect(keys.map(({ asymmetricKeyType }) => asymmetricKeyType)).toEqual(
      Array.from({ length: 8 }, (_, index) => (index % 2 ? 'ed25519' : 'ed448')),
    )
    expect(new Set(keys.map((key) => spkiOf(key as never))).size).toBe(8)
  })

  it('goes on after a key that cannot be made', async () => {
    const thread = new KeyThread()
    await expect(thread.generate('ec', { namedCurve: 'none' })).rejects.toThrow(/curve/i)
    expect((await thread.generate('ed25519', {})).type).toBe('private')
  })

  it.runIf(process.platform === 'linux')('gives way to every other thread', async () => {
    const thread = new KeyThread()
    const made = thread.generate('rsa', { modulusLength: 2048 })
    let isMade = false
    void made.then(() => {
      isMade = true
    })
    const seen = new Set<number>()
    while (!isMade) for (const niceness of await nicenesses()) seen.add(niceness)
    expect((await made).type).toBe('private')
    expect(seen).toContain(19)
    expect(seen).toContain(getPriority())
  })
})

/** Of every thread of this process; proc(5): the 19th field of its stat, the second of which may hold anything in brackets. */
async function nicenesses(): Promise<readonly number[]> {
  const threads = await readdir('/proc/self/task')
  const stats = await Promise.all(
    threads.map((thread) => readFile(`/proc/self/task/${thread}/stat`, 'utf8').catch(() => '')),
  )
  return stats.filter((stat) => stat !== '').map((stat) => Number(stat.split(') ')[1]?.split(' ')[16]))
}
