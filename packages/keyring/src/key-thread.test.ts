import { createPublicKey } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { afterEach, describe, expect, it, vi } from 'vitest'
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
    expect(seen).toContain(10)
    expect(seen).toContain(getPriority())
  })
})

describe('a thread that makes keys comes and goes (R9, R10)', () => {
  afterEach(() => {
    vi.useRealTimers()
    vi.doUnmock('node:worker_threads')
    vi.resetModules()
  })

  /** The workers of a {@link KeyThread} in a module of its own: they answer when they are told to. */
  async function openWatched() {
    const workers: WatchedWorker[] = []
    class WatchedWorker extends EventEmitter {
      readonly done: string[] = []
      #lastId = 0
      constructor() {
        super()
        workers.push(this)
      }
      ref = () => this.done.push('ref')
      unref = () => this.done.push('unref')
      terminate = () => this.done.push('terminate')
      postMessage({ id }: { readonly id: number }) {
        this.#lastId = id
      }
      answer() {
        this.emit('message', { id: this.#lastId, privateKey: this })
      }
    }
    vi.resetModules()
    vi.doMock('node:worker_threads', () => ({ Worker: WatchedWorker }))
    const { KeyThread: Watched } = await import('./key-thread.ts')
    return { thread: new Watched(), workers }
  }

  it('says to everybody who waits that it has gone, and begins again', async () => {
    const { thread, workers } = await openWatched()
    for (const [name, error] of [
      ['error', new Error('out of memory')],
      ['exit', 1],
    ] as const) {
      const waiting = [thread.generate('ed25519', {}), thread.generate('ed25519', {})]
      workers.at(-1)?.emit(name, error)
      for (const outcome of await Promise.allSettled(waiting)) expect(outcome.status).toBe('rejected')
    }
    const next = thread.generate('ed25519', {})
    workers.at(-1)?.answer()
    expect(await next).toBe(workers.at(-1))
    expect(workers).toHaveLength(3)
  })

  it('ends when none has been wanted for a while, and keeps no process from ending until then', async () => {
    const { thread, workers } = await openWatched()
    vi.useFakeTimers()
    for (let count = 0; count < 2; count++) {
      const made = thread.generate('ed25519', {})
      workers[0]?.answer()
      await made
      vi.advanceTimersByTime(9999)
    }
    expect(workers[0]?.done).toEqual(['ref', 'unref', 'ref', 'unref'])
    vi.advanceTimersByTime(1)
    expect(workers[0]?.done.at(-1)).toBe('terminate')
    void thread.generate('ed25519', {})
    expect(workers).toHaveLength(2)
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
