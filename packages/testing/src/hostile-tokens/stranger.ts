import { isAlgorithmName, KeyturnError, type PublishedJwk, type SigningKey } from '@keyturn/core'
import { generateSigningPair, type KeyPolicy, localSigningKey } from '@keyturn/keyring'

/** By algorithm and length: an RSA key takes its time to make. */
const strangers = new Map<string, Promise<SigningKey>>()

/**
 * A key that nobody publishes, of the algorithm and the length of this one, so that nothing but its bytes gives it away.
 *
 * @throws {KeyturnError} `algorithm_unknown`
 */
export async function strangerTo(publicJwk: PublishedJwk): Promise<SigningKey> {
  const { alg } = publicJwk
  if (!isAlgorithmName(alg)) throw new KeyturnError('algorithm_unknown', 'alg: expected one that Keyturn has')
  // any length: the key may have been imported
  const rsaBits = (
    'n' in publicJwk ? 8 * Buffer.from(publicJwk.n, 'base64url').length : 2048
  ) as KeyPolicy['rsaBits']
  const name = `${alg} ${rsaBits}`
  const stranger =
    strangers.get(name) ?? generateSigningPair({ algorithm: alg, rsaBits }).then(localSigningKey)
  strangers.set(name, stranger)
  return await stranger
}
