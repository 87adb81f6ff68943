import { parseJwk, type SigningKey, type VerificationKey } from '@keyturn/core'
import { type KeyPair, localSigningKey, publishedJwk } from './key-pair.ts'
import type { KeyRecord } from './key-record.ts'

/** What the keys of a ring sign and verify with: made once for each record, and gone with it. */
export class KeyHandles {
  readonly #signers = new WeakMap<KeyRecord, SigningKey>()
  readonly #verifiers = new WeakMap<KeyRecord, VerificationKey>()

  /** Of a key whose private half is still there, as the active one's is. */
  signerOf(key: KeyRecord): SigningKey {
    return once(this.#signers, key, () => localSigningKey(key as KeyPair))
  }

  verifierOf(key: KeyRecord): VerificationKey {
    return once(this.#verifiers, key, () => parseJwk(publishedJwk(key)))
  }
}

function once<T>(made: WeakMap<KeyRecord, T>, key: KeyRecord, make: () => T): T {
  const known = made.get(key)
  if (known !== undefined) return known
  const handle = make()
  made.set(key, handle)
  return handle
}
