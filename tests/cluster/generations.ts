import { type KeyRecord, type KeyRing, stateOf } from '@keyturn/keyring'
import { PostgresKeyStore } from '@keyturn/keyring/postgres'

/** Every generation of a ring that somebody who looks all the time can see, and what is wrong with them. */
export class Generations {
  readonly wrongs: string[] = []
  readonly #rings = new Map<number, KeyRing>()
  readonly #store: PostgresKeyStore
  #stop = () => {}

  constructor(databaseUrl: string) {
    this.#store = new PostgresKeyStore({ url: databaseUrl, pollMs: 100 })
  }

  /** Looks from now on; a database that is down is asked again. */
  async start(): Promise<void> {
    const ring = await this.#store.load()
    if (ring !== undefined) this.#note(ring)
    this.#stop = this.#store.watch({ onChange: (changed) => this.#note(changed), onError: () => {} })
  }

  /** The newest ring that was seen. */
  get newest(): KeyRing {
    const ring = [...this.#rings.values()].at(-1)
    if (ring === undefined) throw new Error('no ring was seen yet')
    return ring
  }

  /** Every key that there ever was, as it was seen last. */
  get keys(): ReadonlyMap<string, KeyRecord> {
    return new Map([...this.#rings.values()].flatMap(({ keys }) => keys.map((key) => [key.kid, key])))
  }

  /** How many keys were made after a generation. */
  madeSince(generation: number): number {
    const before = this.#rings.get(generation)?.keys.map(({ kid }) => kid) ?? []
    const made = [...this.#rings.values()].filter((ring) => ring.generation > generation)
    return new Set(
      made.flatMap(({ keys }) => keys.map(({ kid }) => kid)).filter((kid) => !before.includes(kid)),
    ).size
  }

  async close(): Promise<void> {
    this.#stop()
    await this.#store.close()
  }

  #note(ring: KeyRing): void {
    const before = [...this.#rings.values()].at(-1)
    this.#rings.set(ring.generation, ring)
    const states = ring.keys.map((key) => stateOf(key, ring.writtenAt))
    const count = (state: string) => states.filter((one) => one === state).length
    const complain = (what: string) => this.wrongs.push(`generation ${ring.generation}: ${what}`)
    if (count('active') !== 1) complain(`the keys are ${states.join(', ')}`)
    if (count('next') > 1) complain(`the keys are ${states.join(', ')}`)
    if (before === undefined) return
    if (before.generation >= ring.generation || before.ringId !== ring.ringId) complain('it does not follow')
    for (const key of ring.keys) {
      const was = before.keys.find(({ kid }) => kid === key.kid)
      if (was !== undefined && was.activateAt !== key.activateAt) complain('an activation has moved')
    }
  }
}
