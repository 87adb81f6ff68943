import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import type { RequestOptions } from 'node:https'
import type { checkServerIdentity, DetailedPeerCertificate, PeerCertificate } from 'node:tls'
import { optionInvalid } from '../option-invalid.ts'
import { KeySetFetchFailed } from './key-set-fetch-failed.ts'

/** By what the endpoint of a key set and its client know each other. PEM throughout. */
export interface EndpointTrust {
  /** Authorities to trust instead of the machine's. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** One of these public keys must be in the endpoint's chain. */
  readonly spkiPins?: readonly string[] | undefined
}

const PIN = /^sha256\/[A-Za-z0-9+/]{43}=$/

/** What an HTTPS request is told of that; `checkServerIdentity` of node:tls comes when there is one to be made. */
export type TlsOptions = (check: typeof checkServerIdentity) => RequestOptions

/**
 * Looks at what it is given, before there is any request.
 *
 * @throws {KeyturnError} `verifier_options_invalid`
 */
export function tlsOptions({ ca, cert, key, spkiPins }: EndpointTrust, url: URL): TlsOptions {
  // OpenSSL takes any text for a list of no certificates, and then trusts nobody without saying why
  if (ca !== undefined) assertPem('ca', 'a certificate in PEM', () => new X509Certificate(ca))
  if (cert !== undefined) assertPem('clientCert', 'a certificate in PEM', () => new X509Certificate(cert))
  if (key !== undefined) assertPem('clientKey', 'a private key in PEM', () => createPrivateKey(key))
  // none at all is no list either: whoever reckoned it wanted pins, and would go without them
  if (spkiPins !== undefined && !(spkiPins.length > 0 && spkiPins.every((pin) => PIN.test(pin)))) {
    throw optionInvalid('spkiPins', 'sha256/ and base64, for one at least')
  }
  if (url.protocol !== 'https:') {
    const given = { ca, clientCert: cert, clientKey: key, spkiPins }
    const useless = Object.entries(given).find(([, value]) => value !== undefined)
    if (useless !== undefined) throw optionInvalid(useless[0], 'an https URL beside it')
    return () => ({})
  }
  const pins = new Set(spkiPins)
  return (check) => ({
    // whatever NODE_TLS_REJECT_UNAUTHORIZED says, for the sake of other connections: without it pins count for nothing either
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(pins.size === 0 ? {} : { checkServerIdentity: pinned(pins, check) }),
  })
}

/** Comes after the chain was found good, and before anything is sent or read. */
function pinned(pins: ReadonlySet<string>, check: typeof checkServerIdentity) {
  return (host: string, certificate: PeerCertificate): Error | undefined => {
    const error = check(host, certificate)
    if (error !== undefined) return error
    if ([...chain(certificate)].some((one) => pins.has(pinOf(one)))) return undefined
    return new KeySetFetchFailed('fetch_pin_mismatch', 'expected a public key of the chain to be pinned')
  }
}

/**
 * From the endpoint's own up to the root, which names itself as its issuer. Node links what the endpoint sent by names alone, and
 * anybody can write a certificate of any public key: only those count whose key has signed the one below.
 */
function* chain(certificate: PeerCertificate): Generator<X509Certificate> {
  const seen = new Set<PeerCertificate>()
  let below: X509Certificate | undefined
  let peer: PeerCertificate | undefined = certificate
  while (peer?.raw !== undefined && !seen.has(peer)) {
    seen.add(peer)
    const one = new X509Certificate(peer.raw)
    if (below !== undefined && !(one.ca && below.verify(one.publicKey))) return
    yield one
    below = one
    peer = (peer as Partial<DetailedPeerCertificate>).issuerCertificate
  }
}

function pinOf({ publicKey }: X509Certificate): string {
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return `sha256/${createHash('sha256').update(spki).digest('base64')}`
}

function assertPem(option: string, expected: string, parse: () => unknown): void {
  try {
    parse()
  } catch {
    // without the cause: it may hold a part of the key
    throw optionInvalid(option, expected)
  }
}
