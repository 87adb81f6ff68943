import type { JwkSetDocument } from '@keyturn/core'

/** What an endpoint may do instead of answering with its key set. */
export type EndpointFault =
  | 'reset'
  | 'hang'
  | 'drip'
  | 'unavailable'
  | 'redirect'
  | 'mistyped'
  | 'huge'
  | 'malformed'
  | 'empty'
  | 'private'
  | 'older'

/** The sets that an issuer has to show. */
export interface KeySets {
  current(): JwkSetDocument
  /** The one before the last change. */
  previous(): JwkSetDocument
  /** With the private halves of its keys. */
  leaked(): object
}

/** An answer over HTTP; by default the status is 200, and the headers are those of an authority. */
export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** What comes of a question: an answer, or something in its place. */
export type Treatment = Answer | 'reset' | 'hang' | 'drip'

/** How an endpoint treats questions. */
export interface Manner {
  /** What a verifier says of it, in `health().lastError`; where it begins with `fetch_`, no document is taken at all. */
  readonly code: string | undefined
  treat(sets: KeySets): Treatment
}

/** Where {@link FAULTS} `redirect` leads: to the good set, so that who follows is found out. */
export const MOVED_QUERY = 'moved'

const HUGE_BYTES = 1024 * 1024
const json = JSON.stringify

/** Nothing is wrong. */
export const WORKS = serving(undefined, (sets) => json(sets.current()))

/** Each fault, the same on a port and in process. */
export const FAULTS = Object.freeze<Record<EndpointFault, Manner>>({
  reset: { code: 'fetch_network', treat: () => 'reset' },
  hang: { code: 'fetch_timeout', treat: () => 'hang' },
  drip: { code: 'fetch_timeout', treat: () => 'drip' },
  unavailable: {
    code: 'fetch_status',
    treat: () => ({ status: 503, headers: { 'retry-after': '5' }, body: '' }),
  },
  redirect: {
    code: 'fetch_status',
    treat: () => ({ status: 302, headers: { location: `?${MOVED_QUERY}` }, body: '' }),
  },
  mistyped: {
    code: 'fetch_media_type',
    // other bytes than those of the good set, whose ETag a verifier may hold
    treat: (sets) => ({ headers: { 'content-type': 'text/html' }, body: `${json(sets.current())}\n` }),
  },
  huge: serving('fetch_too_large', (sets) => json(sets.current()).padEnd(HUGE_BYTES)),
  malformed: serving('key_set_malformed', (sets) => json(sets.current()).slice(0, -1)),
  empty: serving('key_set_without_usable_key', () => json({ keys: [] })),
  private: serving('key_set_without_usable_key', (sets) => json(sets.leaked())),
  older: serving('key_set_older', (sets) => json(sets.previous())),
})

/** The names of all faults, to try a service with each of them. */
export const ENDPOINT_FAULTS: readonly EndpointFault[] = Object.freeze(Object.keys(FAULTS) as EndpointFault[])

/** Answers with a text, as with a key set. */
export function serving(code: string | undefined, body: (sets: KeySets) => string) {
  return Object.freeze({ code, treat: (sets: KeySets): Answer => ({ body: body(sets) }) })
}
