import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createVerifier, optionsFromEnv } from '@keyturn/verifier'
import { guard } from '@keyturn/verifier/node-http'

/** A service as its users write it: everything comes from the environment. Says its port, then answers until it is ended. */

const verifier = createVerifier(optionsFromEnv())
await verifier.ready()
const server = createServer(
  guard(verifier, {}, (_request, response, session) => {
    response.end(JSON.stringify({ kind: session.kind, userId: session.userId, tokenId: session.tokenId }))
  }),
)
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
})
