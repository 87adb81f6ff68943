import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_POLICY, FileKeyStore, KeyManager, readBackup, writeBackup } from '@keyturn/keyring'
import { codeOf, fakeClock, keyStoreConformance } from '@keyturn/testing'
import { decodeProtectedHeader } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { JweSealer } from './jwe-sealer.ts'

const policy = { ...DEFAULT_POLICY, algorithm: 'ES256' } as const
let directory: string
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'keyturn-sealed-')), 'keys')
})
afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }))

const newKey = () => createSecretKey(randomBytes(32))
const sealed = (...keys: [KeyObject, ...KeyObject[]]) =>
  new FileKeyStore({ directory, sealer: new JweSealer(keys) })
const plain = (options = {}) => new FileKeyStore({ directory, ...options })
const visit = (store: FileKeyStore) => KeyManager.open({ store, policy, serving: false })
async function initialized(store: FileKeyStore): Promise<KeyManager> {
  const keys = await KeyManager.open({ store, policy })
  await keys.close()
  return keys
}
async function files(): Promise<string[]> {
  const names = (await readdir(directory)).sort()
  return await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')))
}
const kekOf = (file: string) => decodeProtectedHeader(file.split('\n')[1] ?? '').kid

describe('a sealed ring (R19)', () => {
  for (const { name, needs, run } of keyStoreConformance) {
    const isBare = needs !== undefined && needs !== 'looks'
    it.skipIf(isBare)(`as a store: ${name}`, async () => {
      const clock = fakeClock()
      const sealer = new JweSealer([newKey()])
      await run({ open: () => plain({ sealer, clock }), pollMs: 1000, pass: clock.advance, looks: true })
    })
  }

  it('says nothing of itself in the file, and opens again', async () => {
    const key = newKey()
    const keys = await initialized(sealed(key))
    const [file = ''] = await files()
    expect(file).not.toContain(keys.publicJwks().keys[0]?.kid)
    expect(file).not.toMatch(/privateKey|"kid"/)
    expect((await sealed(key).load())?.ringId).toBe(keys.ring().ringId)
  })

  it('is refused by the wrong key, without a key, and when it is not sealed though it should be', async () => {
    const key = newKey()
    const keys = await initialized(sealed(key))
    expect(await codeOf(sealed(newKey()).load())).toBe('kek_unknown')
    expect(await codeOf(plain().load())).toBe('ring_sealed')
    await rm(directory, { recursive: true })
    await plain().save(keys.ring(), 0)
    expect(await codeOf(sealed(key).load())).toBe('ring_unsealed')
    expect(await codeOf(plain({ sealer: new JweSealer([key]), acceptUnsealed: true }).load())).toBe('none')
  })

  it('opens what older keys sealed, and after a rewrap nothing is sealed under them', async () => {
    const [older, newer] = [newKey(), newKey()]
    await initialized(sealed(older))
    const store = sealed(newer, older)
    const before = kekOf((await files())[0] ?? '')
    await (await visit(store)).rewrap()
    const names = (await files()).map(kekOf)
    expect(names).toHaveLength(2)
    expect(names).not.toContain(before)
    expect(await codeOf(sealed(newer).load())).toBe('none')
    expect(await codeOf(sealed(older).load())).toBe('kek_unknown')
  })

  it('is refused when a bit of it is another, wherever it is', async () => {
    const sealer = new JweSealer([newKey()])
    const text = await sealer.seal(Buffer.from('a ring'))
    for (let at = 0; at < text.length; at++) {
      const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`
      if (changed === text) continue
      const opened = await sealer.open(changed).then(
        (bytes) => Buffer.from(bytes).toString(),
        (error) => error.code,
      )
      // unused bits of the last character of a part may differ and mean the same
      expect(['kek_unknown', 'a ring']).toContain(opened)
      if (opened === 'a ring') expect('.').toContain(text[at + 1] ?? '.')
    }
  })

  it('is sealed in a backup as well', async () => {
    const key = newKey()
    const keys = await initialized(sealed(key))
    const file = join(directory, '..', 'backup')
    await writeBackup(file, keys.ring(), { sealer: new JweSealer([key]) })
    expect(await readFile(file, 'utf8')).not.toMatch(/privateKey/)
    expect(await codeOf(readBackup(file))).toBe('ring_sealed')
    expect(await codeOf(readBackup(file, { sealer: new JweSealer([newKey()]) }))).toBe('kek_unknown')
    expect((await readBackup(file, { sealer: new JweSealer([key]) })).ringId).toBe(keys.ring().ringId)
  })
})
