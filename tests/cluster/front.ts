import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Replica } from './cluster.ts'

/** A load balancer before the key sets of all replicas, which knows who does not answer. */
export class Front {
  readonly #server: Server
  readonly #replicas: readonly Replica[]

  private constructor(server: Server, replicas: readonly Replica[]) {
    this.#server = server
    this.#replicas = replicas
  }

  static async open(replicas: readonly Replica[]): Promise<Front> {
    const server = createServer((request, response) => {
      const first = Number(request.url?.slice(1))
      const order = [...replicas.slice(first), ...replicas.slice(0, first)]
      const replica = order.find(({ isPaused }) => !isPaused)
      void ask(`${replica?.url}/.well-known/jwks.json`, request.headers['if-none-match']).then(
        ({ status, headers, body }) => response.writeHead(status, headers).end(body),
        () => response.writeHead(502).end(),
      )
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Front(server, replicas)
  }

  /** Where a verifier finds the key set of a replica, or of another while that one does not answer. */
  urlsOfKeySets(): readonly string[] {
    const { port } = this.#server.address() as AddressInfo
    return this.#replicas.map((_, index) => `http://127.0.0.1:${port}/${index}`)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** What a replica answers, but for the headers of the connection. */
async function ask(url: string, etag: string | undefined) {
  const response = await fetch(url, { headers: etag === undefined ? {} : { 'if-none-match': etag } })
  const { status, headers } = response
  const passed = ['cache-control', 'content-type', 'etag', 'age', 'date'].flatMap((name) => {
    const value = headers.get(name)
    return value === null ? [] : [[name, value] as const]
  })
  return { status, headers: Object.fromEntries(passed), body: await response.text() }
}
