/**
 * Encryption at rest: what stores and backups keep is sealed under a key-encryption key that is kept elsewhere. A port, so
 * that the key may be in a KMS: called at each write of the ring, and when it is read; never to sign a token.
 */
export interface RingSealer {
  /** Seals a ring with its private halves under the newest key-encryption key. ASCII without line breaks, as a JWE is. */
  seal(plaintext: Uint8Array): Promise<string>
  /**
   * Opens what this or an older key-encryption key sealed.
   *
   * @throws {KeyturnError} `kek_unknown` when no key opens it: the wrong key, or somebody changed it
   */
  open(sealed: string): Promise<Uint8Array>
}

/** How a store treats what it keeps. */
export interface Sealing {
  /** Without it private halves are kept as they are, for the owner of the file to read. */
  readonly sealer?: RingSealer | undefined
  /** Take a ring that is not sealed, for once, so that it can be. Default `false`: somebody may have put it there. */
  readonly acceptUnsealed?: boolean | undefined
}
