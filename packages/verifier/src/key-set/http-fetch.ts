import { X509Certificate } from 'node:crypto'
import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { JWK_SET_LIMITS, KeyturnError } from '@keyturn/core'
import type { CacheHeaders } from './cache-policy.ts'

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

/** What {@link httpFetch} may be told. */
export interface HttpFetchOptions {
  readonly url: URL
  /** PEM of the authorities to trust instead of the machine's. */
  readonly ca: string | undefined
}

/** Why a key set could not be had; `code` begins with `fetch_`. */
export class KeySetFetchFailed extends KeyturnError {
  override readonly name = 'KeySetFetchFailed'
}

const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i

/**
 * Fetches a key set over HTTP: no redirect, no compression, bounded in bytes as they arrive, and in time by the signal. One
 * connection for each question: it comes once in minutes, and a pooled one would often be dead by then.
 *
 * @throws {KeyturnError} `verifier_options_invalid` for a `ca` that is no certificate
 */
export function httpFetch({ url, ca }: HttpFetchOptions): FetchKeySet {
  if (ca !== undefined) assertCertificate(ca)
  const send = url.protocol === 'https:' ? requestHttps : requestHttp
  return ({ etag, signal }) =>
    new Promise((resolve, reject) => {
      const headers = {
        accept: 'application/jwk-set+json, application/json',
        'accept-encoding': 'identity',
        ...(etag === undefined ? {} : { 'if-none-match': etag }),
      }
      const request = send(url, {
        agent: false,
        headers,
        signal,
        ...(ca === undefined ? {} : { ca }),
      })
      let isAnswered = false
      request.on('response', (response) => {
        isAnswered = true
        readKeySet(response).then(resolve, (error) => {
          request.destroy()
          reject(asFetchError(error, signal))
        })
      })
      request.on('error', (error) => reject(asFetchError(error, signal)))
      // after 101 Switching Protocols there is neither a response nor an error, and an abort is not heard any more
      request.on('close', () => {
        if (!isAnswered) reject(new KeySetFetchFailed('fetch_network', 'expected an answer'))
      })
      request.end()
    })
}

/** OpenSSL takes any text for a list of no certificates, and then trusts nobody without saying why. */
function assertCertificate(pem: string): void {
  try {
    new X509Certificate(pem)
  } catch (cause) {
    throw new KeyturnError('verifier_options_invalid', 'ca: expected a certificate in PEM', { cause })
  }
}

async function readKeySet(response: IncomingMessage): Promise<KeySetResponse> {
  const { 'cache-control': cacheControl, age, etag, 'content-type': type } = response.headers
  const cache = { cacheControl, age, etag }
  if (response.statusCode === 304) {
    response.resume()
    return { ...cache, status: 304 }
  }
  if (response.statusCode !== 200) throw new KeySetFetchFailed('fetch_status', 'expected status 200')
  if (!JSON_TYPE.test(type ?? ''))
    throw new KeySetFetchFailed('fetch_media_type', 'expected a JSON media type')
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
