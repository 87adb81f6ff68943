import type { JwkSetDocument } from '@keyturn/core'
import type { KeySetForm } from './key-set-form.ts'

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
  leaked(): JwkSetDocument
}

/** An answer over HTTP; by default the status is 200, and the headers are those of an authority. */
export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** A promise where it is signed. */
  readonly body: string | Promise<string>
}

/** What comes of a question: an answer, or something in its place. */
export type Treatment = Answer | 'reset' | 'hang' | 'drip'

/** How an endpoint treats questions. */
export interface Manner {
  /**
   * What a verifier says of it, in `health().lastError` (over HTTP a time-out says in which phase it was); where it begins with
   * `fetch_`, no document is taken at all.
   */
  readonly code: string | undefined
  treat(sets: KeySets, form: KeySetForm): Treatment
}

/** Where {@link FAULTS} `redirect` leads: to the good set, so that who follows is found out. */
export const MOVED_QUERY = 'moved'

const HUGE_BYTES = 1024 * 1024

/** Nothing is wrong. */
export const WORKS = serving(undefined, (sets, { write }) => write(sets.current()))

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
    treat: (sets, form) => ({
      headers: { 'content-type': 'text/html' },
      body: written(form, sets.current(), (text) => `${text}\n`),
    }),
  },
  huge: serving('fetch_too_large', (sets, form) =>
    written(form, sets.current(), (text) => text.padEnd(HUGE_BYTES)),
  ),
  malformed: serving('key_set_malformed', (sets, form) =>
    written(form, sets.current(), (text) => text.slice(0, -1)),
  ),
  empty: serving('key_set_without_usable_key', (_, { write }) => write({ keys: [] })),
  private: serving('key_set_without_usable_key', (sets, { write }) => write(sets.leaked())),
  older: serving('key_set_older', (sets, { write }) => write(sets.previous())),
})

/** The names of all faults, to try a service with each of them. */
export const ENDPOINT_FAULTS: readonly EndpointFault[] = Object.freeze(Object.keys(FAULTS) as EndpointFault[])

/** Answers with a text, as with a key set. */
export function serving(code: string | undefined, body: (sets: KeySets, form: KeySetForm) => Answer['body']) {
  return Object.freeze({
    code,
    treat: (sets: KeySets, form: KeySetForm): Answer => ({ body: body(sets, form) }),
  })
}

async function written(
  { write }: KeySetForm,
  set: JwkSetDocument,
  spoil: (text: string) => string,
): Promise<string> {
  return spoil(await write(set))
}
