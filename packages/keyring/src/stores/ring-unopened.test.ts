import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyturnError } from '@keyturn/core'
import { codeOf } from '@keyturn/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readBackup, writeBackup } from '../backup-file.ts'
import { KeyManager } from '../manager.ts'
import { policy } from '../open-manager.fixture.ts'
import { restoreRing } from '../restoration.ts'
import type { KeyRing } from '../ring.ts'
import { FileKeyStore } from './file-key-store.ts'
import type { RingSealer } from './ring-sealer.ts'

let place: string
let directory: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-unopened-'))
  directory = join(place, 'keys')
})
afterEach(() => rm(place, { recursive: true, force: true }))

/** Seals in a way that only one of the same name opens. */
const sealerOf = (name: string): RingSealer => ({
  seal: async (ring) => `${name}.${Buffer.from(ring).toString('base64url')}`,
  open: async (sealed) => {
    const [by, ring = ''] = sealed.split('.')
    if (by === name) return Buffer.from(ring, 'base64url')
    throw new KeyturnError('kek_unknown', 'no key opens the ring', { remedy: 'give the key' })
  },
})
const storeWith = (sealer?: RingSealer) => new FileKeyStore({ directory, ...(sealer && { sealer }) })
const errorOf = (action: Promise<unknown>) =>
  action.then(
    () => new KeyturnError('none', ''),
    (error: KeyturnError) => error,
  )
async function begin(sealer?: RingSealer): Promise<KeyRing> {
  const keys = await KeyManager.open({ store: storeWith(sealer), policy })
  await keys.close()
  return keys.ring()
}

describe('a ring that no key opens (R16, R19, R21)', () => {
  it.each([
    ['kek_unknown', sealerOf('old'), sealerOf('new'), true],
    ['ring_sealed', sealerOf('old'), undefined, true],
    ['ring_unsealed', undefined, sealerOf('new'), false],
  ])('is named by its file: %s', async (code, before, after, isLost) => {
    const ring = await begin(before)
    const error = await errorOf(storeWith(after).load())
    expect(error.code).toBe(code)
    expect(error.message).toContain(join(directory, 'ring.000000000001.json'))
    expect(error.remedy?.includes('--replace-unopened')).toBe(isLost)
    const file = join(place, 'backup')
    await writeBackup(file, ring, before === undefined ? {} : { sealer: before })
    const ofBackup = await errorOf(readBackup(file, after === undefined ? {} : { sealer: after }))
    expect([ofBackup.code, ofBackup.message.startsWith(`${file}: `)]).toEqual([code, true])
    expect(ofBackup.remedy).not.toContain('--replace-unopened')
  })

  it('is replaced only when that is asked for; then it is kept, and the new one is ahead of it', async () => {
    const backup = await begin(sealerOf('old'))
    const store = storeWith(sealerOf('new'))
    const now = Date.now()
    expect(await codeOf(restoreRing(store, backup, { now, timing: policy.timing }))).toBe('kek_unknown')
    const recorded: number[] = []
    const audit = {
      record: async ({ generation }: { generation: number }) => {
        recorded.push(generation)
        return null
      },
    }
    const ring = await restoreRing(store, backup, {
      now,
      timing: policy.timing,
      audit,
      replaceUnopened: true,
    })
    expect(ring.generation).toBeGreaterThan(backup.generation + 999_999)
    expect(recorded).toEqual([ring.generation])
    const keys = await KeyManager.open({ store: storeWith(sealerOf('new')), policy, serving: false })
    await keys.confirm()
    await keys.rewrap()
    await keys.close()
    const names = await readdir(directory)
    expect(names).toContain('ring.000000000001.json.unopened')
    expect(names).not.toContain('ring.000000000001.json')
  })

  it('is not replaced where it is one in the clear, or opens', async () => {
    const backup = await begin()
    const options = { now: Date.now(), timing: policy.timing, replaceUnopened: true }
    expect(await codeOf(restoreRing(storeWith(sealerOf('new')), backup, options))).toBe('ring_unsealed')
    expect(await codeOf(restoreRing(storeWith(), backup, options))).toBe('restore_refused')
    expect(await readdir(directory)).toEqual(['ring.000000000001.json'])
  })
})
