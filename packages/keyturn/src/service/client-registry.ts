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
/** For administering the keys over HTTP. No route asks for it yet; clients are given it now, so that they need not be made anew. */
export const KEYS_ADMIN = 'keys:admin'
/** Scopes that mean something to the authority itself, and so are never given to a user's token. */
export const RESERVED_SCOPES: ReadonlySet<string> = new Set([TOKENS_ISSUE, KEYS_ADMIN])

const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/
const NAME = /^[^\p{C}]{1,100}$/u
/** Leak scanners know a secret by its prefix. */
const SECRET_PREFIX = 'ktcs_'
const NO_HASH = Buffer.alloc(32)

/** Makes clients, and recognises them. */
export class ClientRegistry {
  readonly #store: ClientStore
  readonly #now: () => number

  constructor(store: ClientStore, now: () => number) {
    this.#store = store
    this.#now = now
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
    const secret = `${SECRET_PREFIX}${randomBytes(32).toString('base64url')}`
    await handOver({ client, secret })
    await this.#store.add({ ...client, secretHash: hashOf(secret) })
    return { client, secret }
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

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

function invalid(expectation: string): KeyturnError {
  return new KeyturnError('client_invalid', expectation)
}
