import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { KeyturnError } from '@keyturn/core'
import type { Client, ClientStore, RegisteredClient } from '../state/client-store.ts'

/** A client that has just been made: the only moment at which its secret is known. */
export interface NewClient {
  readonly client: Client
  readonly secret: string
}

/** May mint tokens for users. */
export const TOKENS_ISSUE = 'tokens:issue'
/** May administer the keys over HTTP. */
export const KEYS_ADMIN = 'keys:admin'
/** Scopes that mean something to the authority itself, and so are never given to a user's token. */
export const RESERVED_SCOPES: ReadonlySet<string> = new Set([TOKENS_ISSUE, KEYS_ADMIN])

const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/
const NAME = /^[^\p{C}]{1,100}$/u
/** Leak scanners know a secret by its prefix. */
const SECRET_PREFIX = 'ktcs_'
const NO_HASH = Buffer.alloc(32)

/** What is about to happen to a client. */
export interface ClientChange {
  readonly kind: 'client-created' | 'client-secret-replaced' | 'client-deleted'
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly client: Client
}

/** What a {@link ClientRegistry} works with. */
export interface ClientRegistryOptions {
  readonly store: ClientStore
  readonly now: () => number
  /** Writes a change down before it is made; durable when it resolves. One that cannot be written down is not made. */
  readonly audit: (change: ClientChange) => Promise<void>
}

/** Makes clients, and recognises them. */
export class ClientRegistry {
  readonly #store: ClientStore
  readonly #now: () => number
  readonly #audit: ClientRegistryOptions['audit']

  constructor({ store, now, audit }: ClientRegistryOptions) {
    this.#store = store
    this.#now = now
    this.#audit = audit
  }

  /**
   * Registers a client with a secret of 256 random bits. `handOver` gets it first: when that fails, no client is left whose
   * secret nobody knows.
   *
   * @throws {KeyturnError} `client_invalid`
   */
  async create(
    name: string,
    scopes: readonly string[],
    handOver: (client: NewClient) => Promise<void> = async () => {},
  ): Promise<NewClient> {
    if (!NAME.test(name)) throw invalid('expected a name of 1 to 100 printable characters')
    if (!scopes.every((scope) => SCOPE_TOKEN.test(scope))) {
      throw invalid('expected scopes of printable ASCII without spaces, quotes and backslashes')
    }
    const client = { clientId: randomUUID(), name, scopes: [...new Set(scopes)], createdAt: this.#now() }
    const secret = newSecret()
    await handOver({ client, secret })
    await this.#audit({ kind: 'client-created', at: client.createdAt, client })
    await this.#store.add({ ...client, secretHash: hashOf(secret) })
    return { client, secret }
  }

  /**
   * Gives a client another secret; the one before is refused from then on. Tokens that it got for itself stay good until they end.
   * `handOver` gets it first: when that fails, the one before stays good.
   *
   * @throws {KeyturnError} `client_not_found`
   */
  async rotateSecret(
    clientId: string,
    handOver: (client: NewClient) => Promise<void> = async () => {},
  ): Promise<NewClient> {
    const client = await this.#known(clientId)
    const secret = newSecret()
    await handOver({ client, secret })
    await this.#audit({ kind: 'client-secret-replaced', at: this.#now(), client })
    if (!(await this.#store.replaceSecret(clientId, hashOf(secret)))) throw notFound()
    return { client, secret }
  }

  /**
   * Takes a client away: neither its secret nor a token of its own is good here any more. Services take its tokens until they
   * end.
   *
   * @throws {KeyturnError} `client_not_found`
   */
  async delete(clientId: string): Promise<Client> {
    const client = await this.#known(clientId)
    await this.#audit({ kind: 'client-deleted', at: this.#now(), client })
    if (!(await this.#store.remove(clientId))) throw notFound()
    return client
  }

  /** The client that knows its secret; `undefined` for any other, in the same time whether or not the id exists. */
  async authenticate(clientId: string, secret: string): Promise<Client | undefined> {
    const registered = await this.#store.find(clientId)
    const isRight = timingSafeEqual(hashOf(secret), registered?.secretHash ?? NO_HASH)
    return isRight ? publicPart(registered) : undefined
  }

  /** The client of an id that a token of ours names. */
  async find(clientId: string): Promise<Client | undefined> {
    return publicPart(await this.#store.find(clientId))
  }

  async list(): Promise<readonly Client[]> {
    return await this.#store.list()
  }

  async #known(clientId: string): Promise<Client> {
    const client = await this.find(clientId)
    if (client === undefined) throw notFound()
    return client
  }
}

/** Says whether text is a list of scopes as RFC 6749, section 3.3, has it. */
export function isScopeList(text: string): boolean {
  return text.split(' ').every((scope) => SCOPE_TOKEN.test(scope))
}

function publicPart(registered: RegisteredClient | undefined): Client | undefined {
  if (registered === undefined) return undefined
  const { secretHash: _kept, ...client } = registered
  return client
}

function newSecret(): string {
  return `${SECRET_PREFIX}${randomBytes(32).toString('base64url')}`
}

function notFound(): KeyturnError {
  return new KeyturnError('client_not_found', 'there is no client of that id', {
    remedy: 'see: keyturn clients list',
  })
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

function invalid(expectation: string): KeyturnError {
  return new KeyturnError('client_invalid', expectation)
}
