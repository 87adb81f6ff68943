import { setTimeout as sleep } from 'node:timers/promises'
import type { KeyRecord } from '@keyturn/keyring'
import type { Verifier } from '@keyturn/verifier'
import type { Replica } from './cluster.ts'

/** A token, and within which time it was signed, by a right clock. */
export interface IssuedToken {
  readonly text: string
  readonly kid: string
  readonly by: string
  readonly notBefore: number
  readonly notAfter: number
  readonly expiresAt: number
}

/** A replica did not issue. */
export interface Refusal {
  readonly by: string
  /** Status and code. */
  readonly answer: string
}

const PAUSE_MS = 150

/** Users who log in at every replica all the time, and present what they hold to services that follow others. */
export class Traffic {
  readonly tokens: IssuedToken[] = []
  /** Tokens that a service refused although they were good. */
  readonly wrongs: string[] = []
  accepted = 0
  readonly #replicas: readonly Replica[]
  readonly #verifiers: readonly Verifier[]
  readonly #skewMs: number
  readonly #refusals: Refusal[] = []
  #isOver = false
  #users: Promise<unknown> = Promise.resolve()

  constructor(replicas: readonly Replica[], verifiers: readonly Verifier[], skewMs: number) {
    this.#replicas = replicas
    this.#verifiers = verifiers
    this.#skewMs = skewMs
  }

  start(): void {
    this.#users = Promise.all(this.#replicas.map((replica, index) => this.#use(replica, index)))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#users
  }

  /** Who has not issued since the last call, and why. */
  takeRefusals(): readonly Refusal[] {
    return this.#refusals.splice(0)
  }

  /** Tokens that a key signed outside its time, or that no key of the ring can have signed. */
  misdated(keys: ReadonlyMap<string, KeyRecord>): readonly string[] {
    return this.tokens.flatMap(({ kid, by, notBefore, notAfter }) => {
      const key = keys.get(kid)
      if (key === undefined) return [`${by} signs with a key that the ring never had`]
      const tooEarlyMs = key.activateAt - this.#skewMs - notAfter
      const tooLateMs = notBefore - this.#skewMs - (key.signUntil ?? Infinity)
      if (tooEarlyMs > 0) return [`${by} signs ${tooEarlyMs} ms too early`]
      return tooLateMs > 0 ? [`${by} signs ${tooLateMs} ms too late`] : []
    })
  }

  /** A user asks a replica for a token, and presents it everywhere. */
  async logIn(replica: Replica): Promise<void> {
    const before = Date.now()
    const response = await replica.askForToken()
    const after = Date.now()
    const body = (await response.json()) as { access_token?: string; code?: string }
    if (body.access_token === undefined) {
      this.#refusals.push({ by: replica.name, answer: `${response.status} ${body.code}` })
      return
    }
    const token = issued(body.access_token, replica, { before, after })
    this.tokens.push(token)
    await this.#present(token)
  }

  async #use(replica: Replica, index: number): Promise<void> {
    for (let turn = index; !this.#isOver; turn++) {
      if (!replica.isPaused) await this.logIn(replica)
      const old = this.tokens[(turn * 7919) % Math.max(1, this.tokens.length)]
      if (old !== undefined) await this.#present(old)
      await sleep(PAUSE_MS)
    }
  }

  /** Every service takes a token that is good, whichever replica it asks for keys. */
  async #present(token: IssuedToken): Promise<void> {
    await Promise.all(
      this.#verifiers.map(async (verifier, service) => {
        const presentedAt = Date.now()
        try {
          await verifier.verify(token.text)
          this.accepted += 1
        } catch (error) {
          const { code } = error as { code?: string }
          const isExpired = Date.now() >= token.expiresAt - this.#skewMs
          if (isExpired) return
          const age = presentedAt - token.notAfter
          this.wrongs.push(`service ${service + 1} refuses a token of ${token.by}, ${age} ms old: ${code}`)
        }
      }),
    )
  }
}

/** Its `iat` says when it was signed, in seconds by the clock of the replica; the answer says it better, if nobody was paused. */
function issued(
  text: string,
  { name, clockOffsetMs }: Replica,
  { before, after }: { readonly before: number; readonly after: number },
): IssuedToken {
  const [header, payload] = text.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  const { kid } = JSON.parse(header ?? '') as { kid: string }
  const { iat, exp } = JSON.parse(payload ?? '') as { iat: number; exp: number }
  const issuedAt = iat * 1000 - clockOffsetMs
  return {
    text,
    kid,
    by: name,
    notBefore: Math.max(before, issuedAt),
    notAfter: Math.min(after, issuedAt + 1000),
    expiresAt: exp * 1000 - clockOffsetMs,
  }
}
