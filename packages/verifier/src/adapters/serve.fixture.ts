import { type IncomingMessage, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Session } from '@keyturn/core'
import type { GuardAnswer, GuardedServer, GuardQuestion } from '@keyturn/testing'

/** What the servers under test answer with. */
export function nameOf(session: Session | null | undefined): string {
  return session?.userId ?? session?.clientId ?? 'nobody'
}

/** Listens on a port of its own, on loopback. */
export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** Ends a server, and the connections that it has. */
export async function stop(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}

/** A server that is asked with the client of node:http. */
export async function served(server: Server): Promise<GuardedServer> {
  const port = await listen(server)
  return { ask: (question) => ask(port, question), close: () => stop(server) }
}

/** One GET, whose headers go out as they are. */
export async function ask(port: number, { authorization, query = '' }: GuardQuestion): Promise<GuardAnswer> {
  const headers = authorization.flatMap((value) => ['authorization', value])
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // Node takes pairs of headers too, which its types do not know
    const raw = ['host', 'localhost', ...headers] as never
    request({ port, host: '127.0.0.1', path: `/${query}`, agent: false, headers: raw }, resolve)
      .on('error', reject)
      .end()
  })
  let body = ''
  for await (const chunk of response) body += chunk
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}
