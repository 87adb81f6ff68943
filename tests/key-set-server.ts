import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestIssuer, testIssuer } from '@keyturn/testing'

/** An issuer whose key set is served below its own URL. */
export interface ServedIssuer extends TestIssuer {
  /** Serves no more. */
  stop(): Promise<void>
}

/** Serves the key set of a new issuer on a port of its own, fresh for so many seconds. */
export async function serveIssuer(maxAgeSeconds: number): Promise<ServedIssuer> {
  const server = createServer((_, response) => {
    response.writeHead(200, {
      'content-type': 'application/json',
      'cache-control': `max-age=${maxAgeSeconds}`,
    })
    response.end(JSON.stringify(issuer.jwks()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const issuer = await testIssuer({ issuer: `http://127.0.0.1:${port}` })
  const stop = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return Object.assign(issuer, { stop })
}
