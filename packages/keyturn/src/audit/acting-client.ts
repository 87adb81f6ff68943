import { AsyncLocalStorage } from 'node:async_hooks'

/** Which client a request comes from, wherever the audit log asks: what is done to the ring is done far from the request. */
export class ActingClient {
  readonly #storage = new AsyncLocalStorage<string>()

  /** The client for which something is being done; `undefined` when the process acts by itself. */
  get clientId(): string | undefined {
    return this.#storage.getStore()
  }

  /** Does something for a client. */
  async run<T>(clientId: string, action: () => Promise<T>): Promise<T> {
    return await this.#storage.run(clientId, action)
  }
}
