import { mkdtemp, readdir, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyManager } from '@keyturn/keyring'
import { codeOf } from '@keyturn/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { actorOf, keyAudit } from './audit/key-audit.ts'
import { loadConfig } from './config/load-config.ts'
import { openInstallation } from './installation.ts'

let place: string
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-installation-'))
})
afterEach(() => rm(place, { recursive: true, force: true }))

const dataDir = (name = 'data') => join(place, name)
const configOf = (name?: string, store = 'file') =>
  loadConfig({
    flags: { dataDir: dataDir(name), store, keysAlgorithm: 'EdDSA' },
    env: {},
    file: undefined,
  })

/** A start that is killed at the end of a step. */
async function start(
  { name, store }: { name?: string; store?: string } = {},
  { until = 'complete', initialize = false }: { until?: string; initialize?: boolean } = {},
) {
  const config = configOf(name, store)
  const installation = await openInstallation(config, initialize)
  try {
    if (until === 'state') return { isNew: installation.isNew, ringId: undefined }
    const keys = await KeyManager.open({
      store: installation.store,
      policy: config.policy,
      audit: keyAudit(installation.state, actorOf('test')),
    })
    if (until === 'complete') await installation.complete(keys)
    await keys.close()
    const { ringId } = keys.ring()
    return { isNew: installation.isNew, ringId }
  } finally {
    await installation.state.close()
  }
}

describe('an installation (R16)', () => {
  it('is new until its first start is through, and goes on with what that start has made', async () => {
    expect(await start({}, { until: 'state' })).toEqual({ isNew: true, ringId: undefined })
    const killed = await start({}, { until: 'ring' })
    expect(killed.isNew).toBe(true)
    expect(await start()).toEqual(killed)
    expect(await start()).toEqual({ isNew: false, ringId: killed.ringId })
  })

  it('is rid of what killed starts left behind, and of nothing that a start may be at', async () => {
    await start()
    const leftover = (kind: string, of = dataDir()) =>
      join(of, `.${kind}.0b5c1f3e-8a0e-4c1d-9a57-3f2f3a9d8c11.tmp`)
    const old = [leftover('state'), leftover('bootstrap'), leftover('ring', join(dataDir(), 'keys'))]
    for (const path of [...old, leftover('backup')]) await writeFile(path, 'secret')
    for (const path of old) await utimes(path, 0, 0)
    await start()
    const left = [...(await readdir(dataDir())), ...(await readdir(join(dataDir(), 'keys')))]
    expect(left.filter((name) => name.endsWith('.tmp'))).toEqual([
      leftover('backup').slice(dataDir().length + 1),
    ])
  })

  it('misses a state that was lost, also in its first generation', async () => {
    await start()
    await rm(join(dataDir(), 'state.db'))
    expect(await codeOf(start())).toBe('state_missing')
    expect((await start({}, { initialize: true })).isNew).toBe(true)
    expect((await start()).isNew).toBe(false)
  })

  it('takes no emptied state for a new one, not even when it may begin anew', async () => {
    await start()
    await truncate(join(dataDir(), 'state.db'))
    expect(await codeOf(start())).toBe('state_corrupt')
    expect(await codeOf(start({}, { initialize: true }))).toBe('state_corrupt')
  })

  it('misses a ring that was lost', async () => {
    const before = await start()
    await rm(join(dataDir(), 'keys'), { recursive: true })
    expect(await codeOf(start())).toBe('ring_missing')
    const after = await start({}, { initialize: true })
    expect(after.ringId).not.toBe(before.ringId)
    expect(await start()).toEqual(after)
  })

  it('refuses the ring of another installation, unless told to begin with it', async () => {
    await start()
    const { ringId } = await start({ name: 'other' })
    await rm(join(dataDir(), 'keys'), { recursive: true })
    await rename(join(dataDir('other'), 'keys'), join(dataDir(), 'keys'))
    expect(await codeOf(start())).toBe('installation_mixed')
    expect(await start({}, { initialize: true })).toEqual({ isNew: false, ringId })
    expect(await start()).toEqual({ isNew: false, ringId })
  })

  it('refuses a state whose audit log is not the one that the ring remembers', async () => {
    await start()
    await start({ name: 'other' }, { until: 'state' })
    await rm(join(dataDir(), 'state.db'))
    await rename(join(dataDir('other'), 'state.db'), join(dataDir(), 'state.db'))
    expect(await codeOf(start())).toBe('installation_mixed')
    expect((await start({}, { initialize: true })).isNew).toBe(true)
  })

  it('makes a ring at each start where it is kept in memory, and one client', async () => {
    expect((await start({ store: 'memory' })).isNew).toBe(true)
    expect((await start({ store: 'memory' })).isNew).toBe(false)
    expect((await start()).isNew).toBe(false)
    await rm(join(dataDir(), 'keys'), { recursive: true })
    expect(await codeOf(start())).toBe('ring_missing')
  })

  it('does not forget a lost state while its ring is kept in memory', async () => {
    await start()
    await rm(join(dataDir(), 'state.db'))
    expect(await codeOf(start({ store: 'memory' }))).toBe('state_missing')
  })
})
