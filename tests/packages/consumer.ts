import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  type JwkSet,
  KeyturnError,
  parseJwkSet,
  TokenRejected as RefusedByCore,
  TokenChecker,
} from '@keyturn/core'
import { DEFAULT_POLICY, KeyManager, MemoryKeyStore } from '@keyturn/keyring'
import { assertPrivateFile } from '@keyturn/keyring/private-files'
import { codeOf, testIssuer } from '@keyturn/testing'
import { simulate } from '@keyturn/testing/simulator'
import {
  createVerifier,
  KeySetFetchFailed,
  KeysUnavailable,
  type Session,
  TokenRejected,
} from '@keyturn/verifier'
import { guard as guardExpress } from '@keyturn/verifier/express'
import { guard as guardFastify } from '@keyturn/verifier/fastify'
import { guard as guardHono } from '@keyturn/verifier/hono'
import { guard } from '@keyturn/verifier/node-http'
import { observeVerifiers } from '@keyturn/verifier/opentelemetry'
import { prometheusText } from '@keyturn/verifier/prometheus'
import { guard as guardSockets } from '@keyturn/verifier/ws'

/**
 * A program of somebody who installed the tarballs: it comes through every entry point once. Compiled as an ES module and as
 * CommonJS, and so under other names; what it prints is the same.
 */

/** Only its types: the store itself takes `pg`, which is its user's to install. */
export type { PostgresKeyStoreOptions } from '@keyturn/keyring/postgres'

const expectations = { issuer: 'https://auth.example', audience: 'orders' }

/** core checks what keyring has signed. */
async function signedAndChecked(): Promise<string> {
  const store = new MemoryKeyStore()
  const keys = await KeyManager.open({ store, policy: { ...DEFAULT_POLICY, algorithm: 'EdDSA' } })
  const claims = { iss: expectations.issuer, aud: 'orders', sub: 'user-1', client_id: 'web', jti: 'token-1' }
  const jwt = await keys.sign(claims, { ttlSeconds: 60, typ: 'at+jwt' })
  const set: JwkSet = parseJwkSet(new TextEncoder().encode(JSON.stringify(keys.publicJwks())))
  await keys.close()
  const checker = new TokenChecker(expectations)
  const parsed = checker.parse(jwt)
  const key = set.keys.get(parsed.header.kid)
  return key === undefined ? 'no key' : (checker.verify(parsed, key, Date.now()).claims.sub ?? 'nobody')
}

/** verifier believes what testing has issued, also behind the guard. */
async function servedAndRefused(): Promise<readonly string[]> {
  const issuer = await testIssuer()
  const verifier = createVerifier(issuer.verifierOptions)
  const listener = guard(verifier, {}, (_request, response, session: Session) => {
    response.end(session.userId)
  })
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const authorization = `Bearer ${await issuer.token({ sub: 'alice' })}`
  const answer = await fetch(`http://127.0.0.1:${port}`, { headers: { authorization } })
  const name = await answer.text()
  await new Promise((resolve) => server.close(resolve))
  const refusal = await codeOf(verifier.verify(await issuer.forgedToken()))
  verifier.close()
  return [name, refusal]
}

async function main(): Promise<void> {
  const { violations } = await simulate({ seed: 1, steps: 3 })
  const kinds = [
    new TokenRejected('token_expired').code,
    new KeysUnavailable('none').code,
    // errors are of one class, whichever package somebody has it from
    TokenRejected === RefusedByCore && new KeySetFetchFailed('fetch_status', '') instanceof KeyturnError,
    typeof assertPrivateFile,
    // no framework is installed here: the adapters load none
    [guardExpress, guardFastify, guardHono, guardSockets, observeVerifiers, prometheusText]
      .map((it) => typeof it)
      .join(),
  ]
  console.log(
    [await signedAndChecked(), ...(await servedAndRefused()), violations.length, ...kinds].join(' '),
  )
}

void main()
