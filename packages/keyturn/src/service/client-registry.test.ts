import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import type { ClientStore, RegisteredClient } from '../state/client-store.ts'
import { ClientRegistry } from './client-registry.ts'

function registry() {
  const rows = new Map<string, RegisteredClient>()
  const store: ClientStore = {
    find: async (id) => rows.get(id),
    add: async (client) => void rows.set(client.clientId, client),
    list: async () => [...rows.values()],
  }
  return { rows, clients: new ClientRegistry(store, () => 5) }
}

describe('clients (R47, R73, R75)', () => {
  it('are recognised by their secret alone, of which only a hash is kept', async () => {
    const { clients, rows } = registry()
    const { client, secret } = await clients.create('orders', ['a', 'b', 'a'])
    expect(secret).toMatch(/^ktcs_[\w-]{43}$/)
    expect(client).toMatchObject({ name: 'orders', scopes: ['a', 'b'], createdAt: 5 })
    expect(JSON.stringify([...rows.values()])).not.toContain(secret)
    expect(await clients.authenticate(client.clientId, secret)).toMatchObject({ name: 'orders' })
    for (const wrong of ['', secret.slice(1), `${secret} `, secret.toUpperCase()]) {
      expect(await clients.authenticate(client.clientId, wrong)).toBeUndefined()
    }
    expect(await clients.authenticate('unknown', secret)).toBeUndefined()
  })

  it('have ids and secrets that nobody guesses from others', async () => {
    const { clients } = registry()
    const made = await Promise.all(Array.from({ length: 20 }, () => clients.create('n', [])))
    expect(new Set(made.flatMap(({ client, secret }) => [client.clientId, secret])).size).toBe(40)
  })

  it.each([
    ['no name', '', []],
    ['a name with a line break', 'a\nb', []],
    ['a name without end', 'a'.repeat(101), []],
    ['a scope with a space', 'a', ['a b']],
    ['a scope with a quote', 'a', ['a"b']],
    ['an empty scope', 'a', ['']],
  ])('refuses %s', async (_, name, scopes) => {
    expect(await codeOf(registry().clients.create(name, scopes))).toBe('client_invalid')
  })
})
