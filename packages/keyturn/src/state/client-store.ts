/** A program that may ask the authority for tokens (RFC 6749, section 2). */
export interface Client {
  readonly clientId: string
  /** The operator's label; means nothing. */
  readonly name: string
  readonly scopes: readonly string[]
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

/** A client with what is kept of its secret. */
export interface RegisteredClient extends Client {
  /** SHA-256 of the secret, which is 256 random bits: nothing slower would protect it better. */
  readonly secretHash: Uint8Array
}

/** Where clients are kept. */
export interface ClientStore {
  find(clientId: string): Promise<RegisteredClient | undefined>
  /** Durable when it resolves. */
  add(client: RegisteredClient): Promise<void>
  /** Durable when it resolves; `false` where there is no such client. */
  replaceSecret(clientId: string, secretHash: Uint8Array): Promise<boolean>
  /** Durable when it resolves; `false` where there is no such client. */
  remove(clientId: string): Promise<boolean>
  /** Oldest first. */
  list(): Promise<readonly Client[]>
}
