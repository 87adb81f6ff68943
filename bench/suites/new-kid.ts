import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PublishedJwk } from '@keyturn/core'
import { keyturn } from '../contenders/keyturn.ts'
import { openTask } from '../contenders/task.ts'
import { CLIENTS, type KeySetClient } from '../new-kid/clients.ts'

/** What came of tokens whose kid was published only just now. */
export interface NewKidRow {
  readonly name: string
  readonly failures: number
  readonly fetches: number
}

/** So many at once. */
export const TOKENS = 64

/** Everybody has the key set; then another key is in it, and {@link TOKENS} tokens of that one come at once. */
export async function runNewKid(): Promise<readonly NewKidRow[]> {
  const [before, after] = [await openTask('RS256'), await openTask('RS256')]
  const tokenOf = async (task: typeof before) => String(await (await keyturn.signer(task))?.act())
  const known = await tokenOf(before)
  const tokens = await Promise.all(Array.from({ length: TOKENS }, () => tokenOf(after)))
  const rows: NewKidRow[] = []
  for (const client of CLIENTS) {
    rows.push(await show(client, { known, tokens, keys: [before.jwk], added: after.jwk }))
  }
  await Promise.all([before.keys.close(), after.keys.close()])
  return rows
}

interface Showing {
  readonly known: string
  readonly tokens: readonly string[]
  readonly keys: readonly PublishedJwk[]
  readonly added: PublishedJwk
}

async function show(
  { name, open }: KeySetClient,
  { known, tokens, keys, added }: Showing,
): Promise<NewKidRow> {
  let [published, fetches] = [keys, 0]
  const server = createServer((_, response) => {
    fetches++
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=900' })
    response.end(JSON.stringify({ keys: published }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const client = open(new URL(`http://127.0.0.1:${port}/.well-known/jwks.json`))
  await client.verify(known)
  published = [...keys, added]
  fetches = 0
  const outcomes = await Promise.allSettled(tokens.map((token) => client.verify(token)))
  client.close?.()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return { name, failures: outcomes.filter(({ status }) => status === 'rejected').length, fetches }
}
