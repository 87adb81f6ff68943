import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { KeyturnError } from '@keyturn/core'
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
import type { KeySetForm } from './key-set-form.ts'

/** An answer as it goes out. */
export interface FinishedAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

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
    if (!Object.hasOwn(FAULTS, fault)) {
      throw new KeyturnError('fault_unknown', `expected one of ${Object.keys(FAULTS).join(', ')}`)
    }
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
  take(form: KeySetForm): { readonly code: string | undefined; readonly treatment: Treatment } {
    this.#fetches += 1
    return { code: this.#manner.code, treatment: this.#manner.treat(this.#sets, form) }
  }

  /** What there is to answer when all is well. */
  goodAnswer(form: KeySetForm): Answer {
    return WORKS.treat(this.#sets, form)
  }

  /** Gives an answer the headers of an authority; 304 to who has that set. */
  async finish(
    answer: Answer,
    { mediaType }: KeySetForm,
    ifNoneMatch: string | undefined,
  ): Promise<FinishedAnswer> {
    const { status = 200, headers = {} } = answer
    const body = await answer.body
    if (status !== 200) return { status, headers, body }
    const etag = `"${createHash('sha256').update(body).digest('base64url')}"`
    const shared = { 'cache-control': this.#cacheControl, etag, 'access-control-allow-origin': '*' }
    if (!matches(ifNoneMatch, etag)) {
      return { status, headers: { ...shared, 'content-type': mediaType, ...headers }, body }
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
