import type { KeyObject } from 'node:crypto'
import { Worker } from 'node:worker_threads'

interface Waiting {
  readonly resolve: (privateKey: KeyObject) => void
  readonly reject: (error: unknown) => void
}

type Answer = { readonly id: number } & ({ readonly privateKey: KeyObject } | { readonly error: unknown })

/**
 * Text and no file, so that it is there wherever this module was bundled to. On Linux a priority is a thread's; elsewhere it
 * would be that of the whole process. Not the lowest: on a busy machine a key would take seconds, and an emergency waits for it.
 */
const SOURCE = `
const { generateKeyPairSync } = require('node:crypto')
const { setPriority, constants } = require('node:os')
const { parentPort } = require('node:worker_threads')
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
parentPort.on('message', ({ id, type, options }) => {
  try {
    parentPort.postMessage({ id, privateKey: generateKeyPairSync(type, options).privateKey })
  } catch (error) {
    parentPort.postMessage({ id, error })
  }
})
`
/** Keys come in pairs, or a day apart. */
const IDLE_MS = 10_000

/**
 * Makes private keys on a thread to which the machine prefers every other (docs/adr/0023): one after the other, so that a
 * signature never waits for a key. The thread begins with the first of them, ends when none has been wanted for a while, and
 * keeps no process from ending.
 */
export class KeyThread {
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #cancelEnd = () => {}
  #lastId = 0

  /** As `crypto.generateKeyPairSync` makes it. */
  generate(type: string, options: object): Promise<KeyObject> {
    this.#cancelEnd()
    this.#worker ??= this.#begin()
    const worker = this.#worker
    worker.ref()
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      worker.postMessage({ id, type, options })
    })
  }

  #begin(): Worker {
    const worker = new Worker(SOURCE, { eval: true, name: 'keyturn-keys' })
    worker.on('message', (answer: Answer) => this.#settle(answer))
    worker.on('error', (error) => this.#fail(worker, error))
    worker.on('exit', () => this.#fail(worker, new Error('the thread that makes keys has ended')))
    return worker
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (this.#waiting.size === 0) this.#endSoon()
    if ('error' in answer) waiting?.reject(answer.error)
    else waiting?.resolve(answer.privateKey)
  }

  #endSoon(): void {
    const worker = this.#worker
    worker?.unref()
    const timer = setTimeout(() => {
      this.#worker = undefined
      void worker?.terminate()
    }, IDLE_MS).unref()
    this.#cancelEnd = () => clearTimeout(timer)
  }

  /** Whoever waits for a thread that has gone hears of it, and the next key has a thread of its own. */
  #fail(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#cancelEnd()
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
