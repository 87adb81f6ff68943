import { createHash, type KeyObject } from 'node:crypto'
import { KeyturnError } from '@keyturn/core'
import type { RingSealer } from '@keyturn/keyring'
import { CompactEncrypt, compactDecrypt } from 'jose'

const ENCRYPTION = 'A256GCM'
const CONTENT = 'application/vnd.keyturn.ring+json'

/**
 * Seals rings as JWE (RFC 7516, `alg: dir`, `enc: A256GCM`) under keys that this process has. Each write takes a new random
 * nonce; at a write a second, one key would last for more than a century.
 */
export class JweSealer implements RingSealer {
  readonly #newest: { readonly kid: string; readonly key: KeyObject }
  readonly #keys: ReadonlyMap<string, KeyObject>

  /** @param keys of 256 bits, the newest first */
  constructor(keys: readonly [KeyObject, ...KeyObject[]]) {
    this.#newest = { kid: nameOf(keys[0]), key: keys[0] }
    this.#keys = new Map(keys.map((key) => [nameOf(key), key]))
  }

  async seal(plaintext: Uint8Array): Promise<string> {
    const { kid, key } = this.#newest
    return await new CompactEncrypt(plaintext)
      .setProtectedHeader({ alg: 'dir', enc: ENCRYPTION, kid, cty: CONTENT })
      .encrypt(key)
  }

  async open(sealed: string): Promise<Uint8Array> {
    try {
      const { plaintext } = await compactDecrypt(sealed, ({ kid }) => this.#keyOf(kid), {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: [ENCRYPTION],
      })
      return plaintext
    } catch (cause) {
      throw new KeyturnError('kek_unknown', 'no key-encryption key that was given opens the ring', {
        remedy: 'give the key that sealed it, after the newest, in KEYTURN_KEYS_ENCRYPTION_KEY_FILE',
        cause,
      })
    }
  }

  #keyOf(kid: string | undefined): KeyObject {
    const key = this.#keys.get(kid ?? '')
    if (key === undefined) throw new Error('sealed under another key')
    return key
  }
}

/** Names a key without saying anything of it: it has 256 random bits. */
function nameOf(key: KeyObject): string {
  return createHash('sha256').update('keyturn kek').update(key.export()).digest('base64url').slice(0, 16)
}
