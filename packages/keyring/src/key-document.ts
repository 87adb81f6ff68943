import { createPrivateKey, type KeyObject } from 'node:crypto'
import {
  ALGORITHM_NAMES,
  ALGORITHMS,
  type AlgorithmName,
  assertAlgorithmAvailable,
  decodeBase64url,
  isAlgorithmName,
  isStringArray,
  type JsonObject,
  KeyturnError,
  type PublicJwk,
  parseJsonObject,
  thumbprint,
} from '@keyturn/core'
import { assertHalvesMatch, type KeyPair, pairOf, publicJwkOf } from './key-pair.ts'

/** What {@link readKeyPair} is told beside the document. */
export interface KeyDocumentOptions {
  /** The algorithm that the key is to have. Default: what a JWK says of itself, else `preferred`, else the only one that fits. */
  readonly algorithm?: AlgorithmName | undefined
  /** Taken where the key fits it and nothing else was said: that of the policy. Of several, the first that the key fits. */
  readonly preferred?: AlgorithmName | readonly AlgorithmName[] | undefined
}

/** The longest document: a key of 8192 bits takes less than half. */
export const MAX_KEY_DOCUMENT_BYTES = 16 * 1024

const MAX_DEPTH = 4
const OPENING_BRACE = '{'
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]{0,40})-----.*?-----END \1-----/gs
/** PKCS #8, PKCS #1, SEC 1. */
const PEM_LABELS: readonly string[] = ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY']
const JWK_MEMBERS = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi', 'x', 'y', 'pub', 'priv'] as const

/**
 * Reads a private signing key: PEM (PKCS #8, PKCS #1, SEC 1) or a JWK, one key and not encrypted. It is held to what verifiers
 * ask of a public key, and proves that it makes signatures that they take. A `kid` in it means nothing: its kid is its thumbprint.
 *
 * Errors hold nothing of the document.
 *
 * @throws {KeyturnError} `key_malformed`, `key_encrypted`, `key_not_private`, `key_symmetric`, `key_unknown_type`,
 * `key_not_for_signatures`, `key_weak`, `key_self_test_failed`; `algorithm_mismatch`, `algorithm_ambiguous`,
 * `algorithm_unavailable`
 *
 * @example
 * await keys.importKey(await readKeyPair(await readFile('ceremony.pem'), { algorithm: 'PS256' }))
 */
export async function readKeyPair(
  document: Uint8Array,
  { algorithm, preferred }: KeyDocumentOptions = {},
): Promise<KeyPair> {
  if (document.length > MAX_KEY_DOCUMENT_BYTES) {
    throw malformed(`a document of at most ${MAX_KEY_DOCUMENT_BYTES} bytes`)
  }
  if (algorithm !== undefined) assertAlgorithmAvailable(algorithm)
  const text = Buffer.from(document).toString('utf8')
  const isJson = text.trimStart().startsWith(OPENING_BRACE)
  const { privateKey, says } = isJson ? readJwk(document) : { privateKey: readPem(text), says: undefined }
  const fitting = algorithmsOf(publicPartOf(privateKey))
  const alg = chooseAlgorithm(fitting, { asked: algorithm, says, preferred: [preferred ?? []].flat() })
  assertAlgorithmAvailable(alg)
  const pair = pairOf(privateKey, alg)
  await assertHalvesMatch(pair)
  return pair
}

function readPem(text: string): KeyObject {
  const blocks = [...text.matchAll(PEM_BLOCK)].filter(([, label]) => label?.endsWith('PRIVATE KEY'))
  const [block, ...more] = blocks
  if (block === undefined) {
    if (/-----BEGIN [A-Z ]*PUBLIC KEY-----|-----BEGIN CERTIFICATE-----/.test(text)) throw notPrivate()
    throw malformed('a private key in PEM or as JWK')
  }
  if (more.length > 0) throw malformed('one private key')
  const [pem, label = ''] = block
  if (label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: *4, *ENCRYPTED/m.test(pem)) throw encrypted()
  if (!PEM_LABELS.includes(label)) throw unknownType('PKCS #8, PKCS #1 or SEC 1')
  return importPrivate(() => createPrivateKey(pem), 'a PEM key, whole, of a type that this runtime has')
}

function readJwk(document: Uint8Array): { privateKey: KeyObject; says: AlgorithmName | undefined } {
  const jwk = parseJsonObject(document, MAX_DEPTH)
  if (jwk === undefined) throw malformed('a JSON object, each member once')
  const says = checkPurpose(jwk)
  const members = Object.fromEntries(
    JWK_MEMBERS.filter((name) => Object.hasOwn(jwk, name)).map((name) => [name, canonical(jwk[name])]),
  )
  const { kty, crv } = jwk
  const key = { ...members, kty, ...(crv !== undefined && { crv }), ...(says !== undefined && { alg: says }) }
  const privateKey = importPrivate(
    () => createPrivateKey({ key: key as never, format: 'jwk' }),
    'a private JWK, whole (RSA with d, p, q, dp, dq and qi)',
  )
  const isOwn = thumbprint(key as unknown as PublicJwk) === thumbprint(publicPartOf(privateKey))
  if (!isOwn) throw malformed('public members that belong to the private ones')
  return { privateKey, says }
}

/** What a JWK says that it is for, and its algorithm if it names one. */
function checkPurpose(jwk: JsonObject): AlgorithmName | undefined {
  const { kty, use, key_ops: operations, alg } = jwk
  if (kty === 'oct') {
    throw new KeyturnError('key_symmetric', 'key refused: expected a private key, not a shared secret')
  }
  if (Object.hasOwn(jwk, 'keys')) throw malformed('one JWK, not a set')
  const isForSigning = operations === undefined || (isStringArray(operations) && operations.includes('sign'))
  if ((use !== undefined && use !== 'sig') || !isForSigning) {
    throw new KeyturnError('key_not_for_signatures', 'key refused: expected a key whose use is sig')
  }
  if (!Object.hasOwn(jwk, 'd') && !Object.hasOwn(jwk, 'priv')) throw notPrivate()
  // ignoring the other primes would make signatures that nobody takes (RFC 7518, section 6.3.2.7)
  if (Object.hasOwn(jwk, 'oth')) throw unknownType('an RSA key of two primes')
  if (alg === undefined) return undefined
  if (!isAlgorithmName(alg)) throw unknownType('a known signature alg')
  assertAlgorithmAvailable(alg)
  return alg
}

function canonical(value: unknown): string {
  if (typeof value === 'string' && decodeBase64url(value) !== undefined) return value
  throw malformed('members in canonical base64url')
}

/** Without the cause: it could hold parts of the key. */
function importPrivate(read: () => KeyObject, expectation: string): KeyObject {
  try {
    return read()
  } catch {
    throw malformed(expectation)
  }
}

function publicPartOf(privateKey: KeyObject): PublicJwk {
  try {
    return publicJwkOf(privateKey)
  } catch {
    throw unknownType('an RSA (not RSA-PSS), EC, Ed25519 or ML-DSA key')
  }
}

function algorithmsOf(key: PublicJwk): readonly AlgorithmName[] {
  const { kty, crv = undefined, alg = undefined } = key as { kty: string; crv?: string; alg?: string }
  return ALGORITHM_NAMES.filter((name) => {
    const row = ALGORITHMS[name]
    return row.kty === kty && row.crv === crv && (alg === undefined || alg === name)
  })
}

function chooseAlgorithm(
  fitting: readonly AlgorithmName[],
  wishes: Record<'asked' | 'says', AlgorithmName | undefined> & { preferred: readonly AlgorithmName[] },
): AlgorithmName {
  const { asked, says, preferred } = wishes
  const [only, ...more] = fitting
  if (only === undefined) throw unknownType('a key of one of the algorithms')
  const named = asked ?? says
  if (named !== undefined) {
    if (fitting.includes(named) && (says ?? named) === named) return named
    throw new KeyturnError('algorithm_mismatch', 'expected the algorithm of the key', {
      remedy: `it can have: ${fitting.join(', ')}`,
    })
  }
  const fits = preferred.find((name) => fitting.includes(name))
  if (fits !== undefined) return fits
  if (more.length === 0) return only
  throw new KeyturnError('algorithm_ambiguous', 'the key can have several algorithms', {
    remedy: `say which, as its algorithm: ${fitting.join(', ')}`,
  })
}

function malformed(expectation: string): KeyturnError {
  return new KeyturnError('key_malformed', `key refused: expected ${expectation}`)
}

function unknownType(expectation: string): KeyturnError {
  return new KeyturnError('key_unknown_type', `key refused: expected ${expectation}`)
}

function notPrivate(): KeyturnError {
  return new KeyturnError('key_not_private', 'key refused: expected a private key, not a public one')
}

function encrypted(): KeyturnError {
  return new KeyturnError('key_encrypted', 'key refused: expected a key that is not encrypted', {
    remedy: 'decrypt it on the way, not on the disk: openssl pkey -in FILE | keyturn keys import -',
  })
}
