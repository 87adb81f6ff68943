import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import {
  type Answer,
  type EndpointFault,
  FAULTS,
  type KeySets,
  type Manner,
  serving,
  type Treatment,
  WORKS,
} from './endpoint-faults.ts'

/** How an endpoint behaves now, and how often it was asked: the same one behind a port and behind a function. */
export class EndpointConduct {
  readonly #sets: KeySets
  readonly #cacheControl: string
  /** Any number may hang. */
  readonly #recoveries = new EventEmitter().setMaxListeners(0)
  #manner: Manner = WORKS
  #fetches = 0
  #confirmations = 0

  constructor(sets: KeySets, cacheControl: string) {
    this.#sets = sets
    this.#cacheControl = cacheControl
  }

  get fetches(): number {
    return this.#fetches
  }

  get confirmations(): number {
    return this.#confirmations
  }

  fail(fault: EndpointFault): void {
    this.#manner = FAULTS[fault]
  }

  serve(document: unknown): void {
    this.#manner = serving(undefined, () => JSON.stringify(document))
  }

  recover(): void {
    this.#manner = WORKS
    this.#recoveries.emit('recovery')
  }

  /** Waits until all is well; `false` when whoever asked has given up before that. */
  async recovery(signal: AbortSignal): Promise<boolean> {
    return await once(this.#recoveries, 'recovery', { signal }).then(
      () => true,
      () => false,
    )
  }

  /** Counts a question, and says what comes of it. */
  take(): { readonly code: string | undefined; readonly treatment: Treatment } {
    this.#fetches += 1
    return { code: this.#manner.code, treatment: this.#manner.treat(this.#sets) }
  }

  /** What there is to answer when all is well. */
  goodAnswer(): Answer {
    return WORKS.treat(this.#sets)
  }

  /** An answer as it goes out, with the headers of an authority; 304 to who has that set. */
  finish({ status = 200, headers = {}, body }: Answer, ifNoneMatch: string | undefined): Required<Answer> {
    if (status !== 200) return { status, headers, body }
    const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
    const shared = { 'cache-control': this.#cacheControl, etag, 'access-control-allow-origin': '*' }
    if (!matches(ifNoneMatch, etag)) {
      return { status, headers: { ...shared, 'content-type': 'application/jwk-set+json', ...headers }, body }
    }
    this.#confirmations += 1
    return { status: 304, headers: shared, body: '' }
  }
}

/** RFC 9110, section 13.1.2: `If-None-Match` compares weakly. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  const held = ifNoneMatch?.split(',').map((one) => one.trim().replace(/^W\//, ''))
  return held !== undefined && (held.includes(etag) || held.includes('*'))
}
