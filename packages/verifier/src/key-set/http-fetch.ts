import type { ClientRequest, IncomingMessage } from 'node:http'
import { JWK_SET_LIMITS, systemClock } from '@keyturn/core'
import type { CacheHeaders } from './cache-policy.ts'
import { type EndpointTrust, tlsOptions } from './endpoint-trust.ts'
import { KeySetFetchFailed } from './key-set-fetch-failed.ts'
import type { KeySetFormat } from './key-set-format.ts'

/** An answer to the question for the key set. */
export type KeySetResponse = CacheHeaders & { readonly etag: string | undefined } & (
    | { readonly status: 200; readonly body: Uint8Array }
    | { readonly status: 304 }
  )

/** Asks for the key set; a port, so that tests need no network. */
export type FetchKeySet = (question: {
  /** Of the set that is held, for a conditional request. */
  readonly etag: string | undefined
  readonly signal: AbortSignal
}) => Promise<KeySetResponse>

/** What {@link httpFetch} is told. */
export interface HttpFetchOptions extends EndpointTrust {
  readonly url: URL
  readonly format: Pick<KeySetFormat, 'accept' | 'mediaType'>
  /** To reach the endpoint, TLS included. */
  readonly connectMs: number
  /** From then to the headers of the answer. */
  readonly headersMs: number
  /** From then to its last byte. */
  readonly bodyMs: number
}

/**
 * Fetches a key set over HTTP: no redirect, no compression, bounded in bytes as they arrive, and in time by the signal. One
 * connection for each question: it comes once in minutes, and a pooled one would often be dead by then.
 *
 * @throws {KeyturnError} `verifier_options_invalid` for what is no certificate, key or pin
 */
export function httpFetch(options: HttpFetchOptions): FetchKeySet {
  const { url, format, connectMs, headersMs, bodyMs, ...trust } = options
  const tls = tlsOptions(trust, url)
  const isSecure = url.protocol === 'https:'
  // an HTTP client costs more than all the rest of the verifier: who only imports it, or pins its keys, does not pay for one
  const load = async () => {
    if (!isSecure) return { send: (await import('node:http')).request, options: {} }
    const [{ request }, { checkServerIdentity }] = await Promise.all([
      import('node:https'),
      import('node:tls'),
    ])
    return { send: request, options: tls(checkServerIdentity) }
  }
  return async ({ etag, signal }) => {
    const { send, options } = await load()
    return await new Promise((resolve, reject) => {
      const headers = {
        accept: format.accept,
        'accept-encoding': 'identity',
        ...(etag === undefined ? {} : { 'if-none-match': etag }),
      }
      const request = send(url, { agent: false, headers, signal, ...options })
      const phase = phaseOf(request)
      phase.begin('connect', connectMs)
      request.on('socket', (socket) => {
        socket.once(isSecure ? 'secureConnect' : 'connect', () => phase.begin('headers', headersMs))
      })
      let isAnswered = false
      request.on('response', (response) => {
        isAnswered = true
        phase.begin('body', bodyMs)
        readKeySet(response, format.mediaType)
          .then(resolve, (error) => {
            request.destroy()
            reject(asFetchError(phase.late ?? error, signal))
          })
          .finally(phase.end)
      })
      request.on('error', (error) => reject(asFetchError(phase.late ?? error, signal)))
      // after 101 Switching Protocols there is neither a response nor an error, and an abort is not heard any more
      request.on('close', () => {
        phase.end()
        if (!isAnswered) reject(new KeySetFetchFailed('fetch_network', 'expected an answer'))
      })
      request.end()
    })
  }
}

/** RFC 9110, section 8.8.3, of a length that any server takes. */
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e]{0,256}"$/

/** What is said of a phase that takes too long. */
const TIMEOUT_CODES = Object.freeze({
  connect: 'fetch_connect_timeout',
  headers: 'fetch_headers_timeout',
  body: 'fetch_body_timeout',
})

/** Ends a request one of whose phases takes too long. */
function phaseOf(request: ClientRequest) {
  let cancel = () => {}
  const phase = {
    /** Why it was ended. */
    late: undefined as KeySetFetchFailed | undefined,
    begin(name: keyof typeof TIMEOUT_CODES, ms: number) {
      cancel()
      // not setTimeout, which takes what it cannot hold for a millisecond
      cancel = systemClock.setTimer(() => {
        phase.late = new KeySetFetchFailed(TIMEOUT_CODES[name], 'expected the endpoint to be faster')
        request.destroy(phase.late)
      }, ms)
    },
    end: () => cancel(),
  }
  return phase
}

async function readKeySet(response: IncomingMessage, mediaType: RegExp): Promise<KeySetResponse> {
  const { 'cache-control': cacheControl, age, etag = '', 'content-type': type } = response.headers
  // what is none could not be sent back, or would be refused
  const cache = { cacheControl, age, etag: ETAG.test(etag) ? etag : undefined }
  if (response.statusCode === 304) {
    response.resume()
    return { ...cache, status: 304 }
  }
  const { statusCode: status } = response
  if (status !== 200) {
    throw new KeySetFetchFailed('fetch_status', `expected status 200, not ${status}`, { status })
  }
  if (!mediaType.test(type ?? ''))
    throw new KeySetFetchFailed('fetch_media_type', 'expected the media type of a key set')
  if ((response.headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new KeySetFetchFailed('fetch_encoding', 'expected no content encoding')
  }
  return { ...cache, status: 200, body: await readBounded(response) }
}

async function readBounded(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    length += (chunk as Buffer).length
    if (length > JWK_SET_LIMITS.bytes) {
      throw new KeySetFetchFailed('fetch_too_large', `expected at most ${JWK_SET_LIMITS.bytes} bytes`)
    }
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks)
}

function asFetchError(error: unknown, signal: AbortSignal): KeySetFetchFailed {
  if (error instanceof KeySetFetchFailed) return error
  if (signal.aborted)
    return new KeySetFetchFailed('fetch_timeout', 'expected an answer in time', { cause: error })
  return new KeySetFetchFailed('fetch_network', 'expected the endpoint to answer', { cause: error })
}
