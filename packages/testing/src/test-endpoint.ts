import { createHash } from 'node:crypto'
import { type JwkSetDocument, KeyturnError } from '@keyturn/core'
import type { FetchKeySet, KeySetResponse } from '@keyturn/verifier'

/** A key set's endpoint without a network. It works until it is told otherwise. */
export interface TestEndpoint {
  /** The verifier's port. Answers with an ETag, and 304 to who has that set. */
  readonly fetch: FetchKeySet
  /** How often it was asked. */
  readonly fetches: number
  /** How many of the answers were 304. */
  readonly confirmations: number
  /** Breaks off every question, as a machine that is down. */
  fail(): void
  /** Never answers, and ends only with the question's signal. */
  hang(): void
  /** Answers with a set of no keys. */
  empty(): void
  /** Answers with the set before the last change, as a replica or a cache that lags. */
  older(): void
  /** Answers with this document, whatever it is. */
  serve(document: unknown): void
  /** Works again. Questions that hang are answered. */
  recover(): void
  /** For the issuer: what {@link older} answers from now on. */
  remember(document: JwkSetDocument): void
}

type Behaviour = 'works' | 'fails' | 'hangs' | { readonly serves: () => unknown }

/** Makes an endpoint that answers with what `current` gives at the time. */
export function testEndpoint(
  current: () => JwkSetDocument,
  cacheControl = 'public, max-age=900, stale-while-revalidate=60',
): TestEndpoint {
  let behaviour: Behaviour = 'works'
  let previous: JwkSetDocument | undefined
  let fetches = 0
  let confirmations = 0
  let wake = () => {}
  let recovered = new Promise<void>((resolve) => {
    wake = resolve
  })

  const answer = (etag: string | undefined, document: unknown): KeySetResponse => {
    const body = Buffer.from(JSON.stringify(document))
    const tag = `"${createHash('sha256').update(body).digest('base64url')}"`
    const headers = { cacheControl, age: undefined, etag: tag }
    if (etag !== tag) return { ...headers, status: 200, body }
    confirmations += 1
    return { ...headers, status: 304 }
  }
  const olderSet = () => {
    const { keys, keyturn } = previous ?? current()
    return { keys, keyturn: { ...keyturn, version: (keyturn?.version ?? 0) - (previous ? 0 : 1) } }
  }

  return {
    async fetch({ etag, signal }) {
      fetches += 1
      if (behaviour === 'hangs') await Promise.race([recovered, aborted(signal)])
      if (behaviour === 'fails') throw new KeyturnError('fetch_network', 'expected the endpoint to answer')
      return answer(etag, typeof behaviour === 'object' ? behaviour.serves() : current())
    },
    get fetches() {
      return fetches
    },
    get confirmations() {
      return confirmations
    },
    fail() {
      behaviour = 'fails'
    },
    hang() {
      behaviour = 'hangs'
      recovered = new Promise((resolve) => {
        wake = resolve
      })
    },
    empty() {
      behaviour = { serves: () => ({ keys: [] }) }
    },
    older() {
      behaviour = { serves: olderSet }
    },
    serve(document) {
      behaviour = { serves: () => document }
    },
    recover() {
      behaviour = 'works'
      wake()
    },
    remember(document) {
      previous = document
    },
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
