import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EndpointConduct } from './endpoint-conduct.ts'
import { MOVED_QUERY } from './endpoint-faults.ts'

/** An endpoint that listens. */
export interface EndpointServer {
  readonly url: string
  /** Breaks off what is open, and listens no more. */
  close(): Promise<void>
}

/** Where an authority has its key set. */
const PATHS = ['/.well-known/jwks.json', '/keys/.well-known/jwks.json']
const DRIP_MS = 10

/** Lets an endpoint be asked over HTTP, on a free port of this machine. */
export async function listen(conduct: EndpointConduct): Promise<EndpointServer> {
  const server = createServer((request, response) => void answer(conduct, request, response))
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}${PATHS[0]}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  conduct: EndpointConduct,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '', query] = request.url?.split('?') ?? []
  if (!PATHS.includes(path)) return void response.writeHead(404).end()
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return void response.writeHead(405, { allow: 'GET, HEAD' }).end()
  }
  const treatment = query === MOVED_QUERY ? conduct.goodAnswer() : conduct.take().treatment
  if (treatment === 'reset') return void request.socket.resetAndDestroy()
  if (treatment === 'drip') return await drip(conduct, response)
  if (treatment === 'hang' && !(await recovery(conduct, response))) return
  const said = treatment === 'hang' ? conduct.goodAnswer() : treatment
  const { status, headers, body } = conduct.finish(said, request.headers['if-none-match'])
  response.writeHead(status, headers).end(body)
}

/** Spaces may stand before a document, so that who waits for its end gets a good one. */
async function drip(conduct: EndpointConduct, response: ServerResponse): Promise<void> {
  const { status, headers, body } = conduct.finish(conduct.goodAnswer(), undefined)
  response.writeHead(status, headers).flushHeaders()
  const drops = setInterval(() => response.write(' '), DRIP_MS)
  const isWell = await recovery(conduct, response)
  clearInterval(drops)
  if (isWell) response.end(body)
}

async function recovery(conduct: EndpointConduct, response: ServerResponse): Promise<boolean> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  return await conduct.recovery(gone.signal)
}
