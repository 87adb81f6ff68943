import { KeyturnError } from '@keyturn/core'
import { codeOf } from '@keyturn/testing'
import { describe, expect, it } from 'vitest'
import type { ClientStore, RegisteredClient } from '../state/client-store.ts'
import { type ClientChange, ClientRegistry } from './client-registry.ts'

function registry() {
  const rows = new Map<string, RegisteredClient>()
  const store: ClientStore = {
    find: async (id) => rows.get(id),
    add: async (client) => void rows.set(client.clientId, client),
    list: async () => [...rows.values()],
    replaceSecret: async (id, secretHash) => {
      const client = rows.get(id)
      if (client !== undefined) rows.set(id, { ...client, secretHash })
      return client !== undefined
    },
    remove: async (id) => rows.delete(id),
  }
  const changes: (ClientChange & { readonly before: number })[] = []
  const log = { isFull: false }
  const audit = async (change: ClientChange) => {
    if (log.isFull) throw new KeyturnError('state_failed', 'the disk is full')
    changes.push({ ...change, before: rows.size })
  }
  return { rows, changes, log, clients: new ClientRegistry({ store, now: () => 5, audit }) }
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

  it('get another secret, and the one before is refused at once', async () => {
    const { clients } = registry()
    const { client, secret } = await clients.create('orders', ['a'])
    const other = await clients.rotateSecret(client.clientId)
    expect(other.client).toEqual(client)
    expect(other.secret).toMatch(/^ktcs_[\w-]{43}$/)
    expect(await clients.authenticate(client.clientId, secret)).toBeUndefined()
    expect(await clients.authenticate(client.clientId, other.secret)).toEqual(client)
  })

  it('keep the secret that they have where nobody got the next one', async () => {
    const { clients, changes } = registry()
    const { client, secret } = await clients.create('orders', ['a'])
    const handOver = () => Promise.reject(new KeyturnError('nowhere', 'no room'))
    expect(await codeOf(clients.rotateSecret(client.clientId, handOver))).toBe('nowhere')
    expect(await clients.authenticate(client.clientId, secret)).toEqual(client)
    expect(changes.map(({ kind }) => kind)).toEqual(['client-created'])
  })

  it('are gone when they are removed, and nobody else is', async () => {
    const { clients } = registry()
    const [one, other] = [await clients.create('one', []), await clients.create('other', [])]
    expect(await clients.delete(one.client.clientId)).toEqual(one.client)
    expect(await clients.authenticate(one.client.clientId, one.secret)).toBeUndefined()
    expect(await clients.list()).toMatchObject([{ name: 'other' }])
    expect(await clients.authenticate(other.client.clientId, other.secret)).toBeDefined()
    for (const action of [clients.delete('none'), clients.rotateSecret(one.client.clientId)]) {
      expect(await codeOf(action)).toBe('client_not_found')
    }
  })

  it('are changed only after that is written down, without the secret (R50)', async () => {
    const { clients, changes, log, rows } = registry()
    const { client, secret } = await clients.create('orders', ['a'])
    const { secret: second } = await clients.rotateSecret(client.clientId)
    log.isFull = true
    expect(await codeOf(clients.rotateSecret(client.clientId))).toBe('state_failed')
    expect(await codeOf(clients.delete(client.clientId))).toBe('state_failed')
    expect(await codeOf(clients.create('more', []))).toBe('state_failed')
    expect(rows.size).toBe(1)
    expect(await clients.authenticate(client.clientId, second)).toBeDefined()
    log.isFull = false
    await clients.delete(client.clientId)
    expect(changes.map(({ kind, before }) => [kind, before])).toEqual([
      ['client-created', 0],
      ['client-secret-replaced', 1],
      ['client-deleted', 1],
    ])
    for (const one of [secret, second]) expect(JSON.stringify(changes)).not.toContain(one)
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
