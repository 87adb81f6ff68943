import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EndpointConduct } from './endpoint-conduct.ts'
import { MOVED_QUERY } from './endpoint-faults.ts'
import type { KeySetForm } from './key-set-form.ts'

/** A server that listens. */
export interface EndpointServer {
  /** Without a slash at its end. */
  readonly url: string
  /** Breaks off what is open, and listens no more. */
  close(): Promise<void>
}

/** What is served, by path. */
export interface ServedPaths {
  /** The key set in its forms, as the conduct has it. */
  readonly keySets: ReadonlyMap<string, KeySetForm>
  /** JSON that no fault touches and nobody counts, of what is at this URL. */
  readonly documents: (url: string) => ReadonlyMap<string, object>
}

const DRIP_MS = 10

/** Lets an endpoint be asked over HTTP on this machine; port 0 is a free one. */
export async function listen(
  conduct: EndpointConduct,
  { keySets, documents }: ServedPaths,
  port: number,
): Promise<EndpointServer> {
  const server = createServer((request, response) => {
    const [path = '', query] = request.url?.split('?') ?? []
    const [form, document] = [keySets.get(path), documents(url).get(path)]
    if (form === undefined && document === undefined) return void response.writeHead(404).end()
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end()
    }
    if (form === undefined)
      return void response.writeHead(200, METADATA_HEADERS).end(JSON.stringify(document))
    void answer({ conduct, form, isMoved: query === MOVED_QUERY }, request, response)
  })
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', resolve),
  )
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

const METADATA_HEADERS = Object.freeze({
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'public, max-age=3600',
  'access-control-allow-origin': '*',
})

/** A question for the key set. */
interface Question {
  readonly conduct: EndpointConduct
  readonly form: KeySetForm
  /** It was led here by a redirect. */
  readonly isMoved: boolean
}

async function answer(question: Question, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { conduct, form, isMoved } = question
  const treatment = isMoved ? conduct.goodAnswer(form) : conduct.take(form).treatment
  if (treatment === 'reset') return void request.socket.resetAndDestroy()
  if (treatment === 'drip') return await drip(question, response)
  if (treatment === 'hang' && !(await recovery(conduct, response))) return
  const said = treatment === 'hang' ? conduct.goodAnswer(form) : treatment
  const { status, headers, body } = await conduct.finish(said, form, request.headers['if-none-match'])
  response.writeHead(status, headers).end(body)
}

/** Spaces may stand before a document, so that who waits for its end gets a good one. */
async function drip({ conduct, form }: Question, response: ServerResponse): Promise<void> {
  const recovered = recovery(conduct, response)
  const { status, headers, body } = await conduct.finish(conduct.goodAnswer(form), form, undefined)
  response.writeHead(status, headers).flushHeaders()
  const drops = setInterval(() => response.write(' '), DRIP_MS)
  const isWell = await recovered
  clearInterval(drops)
  if (isWell) response.end(body)
}

async function recovery(conduct: EndpointConduct, response: ServerResponse): Promise<boolean> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  return await conduct.recovery(gone.signal)
}
