import { type FetchKeySet, type KeySetFetchCode, KeySetFetchFailed } from '@keyturn/verifier'
import type { EndpointConduct } from './endpoint-conduct.ts'
import type { EndpointFault } from './endpoint-faults.ts'
import type { KeySetForm } from './key-set-form.ts'

/** A key set's endpoint, on a port or without a network. It works until it is told otherwise. */
export interface TestEndpoint {
  /**
   * The verifier's port: what comes through it is what would come over the network. With a root key that is the signed set.
   */
  readonly fetch: FetchKeySet
  /** How often it was asked, by whatever way. */
  readonly fetches: number
  /** How many of the answers were 304. */
  readonly confirmations: number
  /** Does this to every question from now on. Default `reset`: breaks it off, as a machine that is down. */
  fail(fault?: EndpointFault): void
  /** Answers with this document, whatever it is, and signs nothing. */
  serve(document: unknown): void
  /** Works again. Questions that hang or drip are answered. */
  recover(): void
}

/** The way to an endpoint without a network. */
export function testEndpoint(conduct: EndpointConduct, form: KeySetForm): TestEndpoint {
  return {
    async fetch({ etag, signal }) {
      const { code, treatment } = conduct.take(form)
      const isWaiting = treatment === 'hang' || treatment === 'drip'
      if (isFetchCode(code) && !(isWaiting && (await conduct.recovery(signal)))) {
        const status = typeof treatment === 'string' ? undefined : treatment.status
        throw new KeySetFetchFailed(code, 'expected the endpoint to behave', { status })
      }
      const answer = typeof treatment === 'string' ? conduct.goodAnswer(form) : treatment
      const { status, headers, body } = await conduct.finish(answer, form, etag)
      const cache = { cacheControl: headers['cache-control'], age: undefined, etag: headers.etag }
      return status === 304 ? { ...cache, status } : { ...cache, status: 200, body: Buffer.from(body) }
    },
    get fetches() {
      return conduct.fetches
    },
    get confirmations() {
      return conduct.confirmations
    },
    fail: (fault = 'reset') => conduct.fail(fault),
    serve: (document) => conduct.serve(document),
    recover: () => conduct.recover(),
  }
}

function isFetchCode(code: string | undefined): code is KeySetFetchCode {
  return code?.startsWith('fetch_') === true
}
