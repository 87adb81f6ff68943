import { exposureOf, type KeyPolicy, type KeyRing, leadOf, stateOf } from '@keyturn/keyring'

/** What a process is doing, for the last lines of a history. */
export interface ProcessAtTheEnd {
  readonly name: string
  readonly condition: string
  readonly ring: KeyRing | undefined
  readonly now: number | undefined
  readonly clockErrorMs: number
  readonly lastContactAt: number
}

/** Writes down what happens, for a person who has never seen it: keys by number, times in seconds since the beginning. */
export class History {
  readonly lines: string[] = []
  readonly #startMs: number
  readonly #names = new Map<string, string>()

  constructor(startMs: number) {
    this.#startMs = startMs
  }

  /** Kids are random; a history that is played again must read the same. */
  nameKey(kid: string): void {
    this.#names.set(kid, `K${this.#names.size + 1}`)
  }

  readonly nameOf = (kid: string): string => this.#names.get(kid) ?? kid

  /** Adds a line. `who` is a process, or `-` for the world around. */
  note(now: number, who: string, what: string): void {
    this.lines.push(`${this.seconds(now).padStart(10)}  ${who.padEnd(4)} ${what}`)
  }

  /** A time, in seconds since the beginning. */
  seconds(at: number): string {
    return ((at - this.#startMs) / 1000).toFixed(3)
  }

  /** An event with its details, whichever they are: kids by name, times in seconds. */
  describeEvent({ kind, ...details }: { readonly kind: string }): string {
    const words = Object.entries<unknown>(details).map(
      ([name, value]) => `${name}=${this.#describe(name, value)}`,
    )
    return [kind, ...words].join(' ')
  }

  /** What the settings mean for whoever reads on. */
  describePolicy({ timing }: KeyPolicy): string {
    const { rotationIntervalMs, maxTtlMs, graceSkewMs, clockToleranceMs, storePollMs, clockSkewMs } = timing
    const named = {
      interval: rotationIntervalMs,
      lead: leadOf(timing),
      cached: exposureOf(timing),
      lifetime: maxTtlMs,
      grace: graceSkewMs,
      tolerance: clockToleranceMs,
      poll: storePollMs,
      skew: clockSkewMs,
    }
    return Object.entries(named)
      .map(([name, ms]) => `${name} ${ms / 1000}`)
      .join(', ')
  }

  /** How things stand when it is over: the ring that is written, and what each process knows of it. */
  close(now: number, ring: KeyRing | undefined, processes: readonly ProcessAtTheEnd[]): void {
    if (ring === undefined) {
      this.note(now, '-', 'there is no ring')
    } else {
      this.note(
        now,
        '-',
        `the ring: generation ${ring.generation}, written at ${this.seconds(ring.writtenAt)}`,
      )
      for (const key of ring.keys) {
        const times = [key.publishedAt, key.signableAt, key.activateAt, key.signUntil, key.publishUntil]
        const [published, signable, from, until, end] = times.map((at) =>
          at === null ? '-' : this.seconds(at),
        )
        const half = key.privateKey === null ? ', private half destroyed' : ''
        const state = stateOf(key, Math.max(now, ring.writtenAt))
        this.note(
          now,
          this.nameOf(key.kid),
          `${state}: published ${published}, may sign ${signable}, signs ${from} to ${until}, leaves ${end}, ` +
            `tokens up to ${key.maxTtlSeconds} s${half}`,
        )
      }
    }
    for (const it of processes) {
      this.note(
        now,
        it.name,
        `${it.condition}; knows generation ${it.ring?.generation ?? '-'}, signs with ${this.#signer(it)}, ` +
          `clock ${it.clockErrorMs >= 0 ? '+' : ''}${(it.clockErrorMs / 1000).toFixed(3)} s, ` +
          `heard of the storage at ${this.seconds(it.lastContactAt)}`,
      )
    }
  }

  #signer({ ring, now }: ProcessAtTheEnd): string {
    const key = ring?.keys.find((candidate) => now !== undefined && stateOf(candidate, now) === 'active')
    return key === undefined ? 'nothing' : this.nameOf(key.kid)
  }

  #describe(name: string, value: unknown): string {
    if (Array.isArray(value)) return value.map((one) => this.#describe(name, one)).join(',')
    if (typeof value === 'string') return this.nameOf(value)
    if (typeof value !== 'number') return String(value)
    if (name.endsWith('At')) return this.seconds(value)
    return name.endsWith('Ms') ? `${(value / 1000).toFixed(3)}s` : String(value)
  }
}
