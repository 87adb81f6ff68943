import { KeysUnavailable } from '@keyturn/core'

/** Why a key set cannot be had. */
export interface Unavailability {
  /** The URL without what may be secret in it. */
  readonly place: string
  /** Of the last attempt; `undefined` where there was none yet. */
  readonly code: string | undefined
  /** What the code leaves open: a status, or the error of the system or of TLS. */
  readonly detail: string | undefined
  readonly isClosed: boolean
  readonly retryInMs: number
}

/** Nobody answers, or it takes too long; with any other code it is the answer that is refused. */
const UNANSWERED = /^fetch_(?:network|(?:\w+_)?timeout)$/
const ANSWERED = 'the endpoint answers: check the URL, the issuer, and root keys or pins where there are any'
/** Codes of OpenSSL for a certificate that is not believed, as Node.js has them. */
const DISTRUSTED = /CERT|SIGNATURE|ISSUER/
const CERTIFICATE = 'the certificate of the endpoint is not believed: name the CA that made it (ca)'
const CLOSED = 'the verifier is closed: make another one'

/** Says so, with what to do about it. */
export function unavailable(why: Unavailability): KeysUnavailable {
  const known = [why.code, why.detail].filter((one) => one !== undefined).join(' ')
  const remedy = remedyFor(why)
  return new KeysUnavailable(`the key set at ${why.place} cannot be had now${known && ` (${known})`}`, {
    retryAfterSeconds: why.retryInMs / 1000,
    ...(remedy !== undefined && { remedy }),
  })
}

function remedyFor({ code, detail = '', isClosed }: Unavailability): string | undefined {
  if (isClosed) return CLOSED
  if (code === undefined) return undefined
  if (code === 'fetch_network' && DISTRUSTED.test(detail)) return CERTIFICATE
  return UNANSWERED.test(code) ? undefined : ANSWERED
}
