import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A key set's endpoint on loopback, which behaves as a test says, and counts. */
export interface HostileEndpoint {
  readonly url: URL
  /** How often it was asked. */
  readonly fetches: number
  /** How many bytes of the last answer were taken off its hands. */
  readonly bytesTaken: number
  /** Answers with these keys from now on. */
  publish(keys: readonly object[], cacheControl?: string): void
  /** Answers with 503 from now on. */
  fail(): void
  /** Never answers. */
  hang(): void
  /** Answers with these keys and so many bytes of white space behind them. */
  inflate(keys: readonly object[], bytes: number): void
  stop(): Promise<void>
}

const CHUNK = Buffer.alloc(65_536, ' ')

export async function hostileEndpoint(): Promise<HostileEndpoint> {
  let answer: (response: ServerResponse) => void = () => {}
  let [fetches, bytesTaken] = [0, 0]
  const server = createServer((_, response) => {
    fetches++
    answer(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  function begin(response: ServerResponse, keys: readonly object[], cacheControl?: string): ServerResponse {
    response.setHeader('content-type', 'application/json')
    if (cacheControl !== undefined) response.setHeader('cache-control', cacheControl)
    response.write(JSON.stringify({ keys }))
    return response
  }

  return {
    url: new URL(`http://127.0.0.1:${port}/.well-known/jwks.json`),
    get fetches() {
      return fetches
    },
    get bytesTaken() {
      return bytesTaken
    },
    publish(keys, cacheControl) {
      answer = (response) => begin(response, keys, cacheControl).end()
    },
    fail() {
      answer = (response) => response.writeHead(503).end()
    },
    hang() {
      answer = () => {}
    },
    inflate(keys, bytes) {
      answer = (response) => {
        const { socket } = begin(response, keys)
        socket?.on('close', () => {
          bytesTaken = socket.bytesWritten
        })
        let left = bytes
        const goOn = () => {
          while (left > 0) {
            left -= CHUNK.length
            if (!response.write(CHUNK)) return
          }
          response.end(() => {
            bytesTaken = socket?.bytesWritten ?? 0
          })
        }
        response.on('drain', goOn)
        goOn()
      }
    },
    async stop() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
