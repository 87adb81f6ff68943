import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readEncryptionKeys } from './encryption-keys.ts'
import { loadConfig } from './load-config.ts'
import { variableOf } from './settings.ts'

let folder: string
beforeEach(async () => {
  warnings = []
  folder = await mkdtemp(join(tmpdir(), 'keyturn-kek-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

let warnings: string[] = []
const key = (fill: number) => Buffer.alloc(32, fill)
const read = (sources: Partial<Parameters<typeof readEncryptionKeys>[0]>) =>
  readEncryptionKeys(
    { text: undefined, file: undefined, credentialsDirectory: undefined, ...sources },
    variableOf,
    (line) => warnings.push(line),
  ).map((it) => it.export().toString('hex'))
function errorOf(action: () => unknown): { code: string; message: string } {
  try {
    action()
  } catch (error) {
    return error as { code: string; message: string }
  }
  return { code: 'none', message: '' }
}

describe('key-encryption keys (R19, R54)', () => {
  it('come from a variable, a file, or a credential of systemd, the newest first', async () => {
    const two = `${key(1).toString('base64')}\n${key(2).toString('base64url')}\n`
    const expected = [key(1).toString('hex'), key(2).toString('hex')]
    await writeFile(join(folder, 'keyturn-keys-encryption-key'), two)
    expect(read({ text: two })).toEqual(expected)
    expect(read({ file: join(folder, 'keyturn-keys-encryption-key') })).toEqual(expected)
    expect(read({ credentialsDirectory: folder })).toEqual(expected)
    expect(read({ text: key(3).toString('base64'), credentialsDirectory: folder })).toHaveLength(1)
  })

  it('are none where nothing is given, or systemd has no such credential', () => {
    expect(read({})).toEqual([])
    expect(read({ credentialsDirectory: folder })).toEqual([])
  })

  it.each([
    '',
    '   ',
    'short',
    Buffer.alloc(31).toString('base64'),
    Buffer.alloc(33).toString('base64'),
    'é'.repeat(43),
  ])('are refused when they are %j, without repeating it', (text) => {
    const { code, message } = errorOf(() => read({ text }))
    expect(code).toBe('config_invalid')
    if (text.trim() !== '') expect(message).not.toContain(text)
  })

  it('are refused from two places at once, from a file that is not there, and from a configuration file', async () => {
    const text = key(1).toString('base64')
    expect(errorOf(() => read({ text, file: 'f' })).code).toBe('config_invalid')
    expect(errorOf(() => read({ file: join(folder, 'none') })).code).toBe('config_file_unreadable')
    const file = join(folder, 'config.json')
    await writeFile(file, JSON.stringify({ keysEncryptionKey: text }))
    const { code, message } = errorOf(() => loadConfig({ flags: {}, env: {}, file }))
    expect(code).toBe('config_unknown_setting')
    expect(message).not.toContain(text)
  })

  it('are not taken for none when the variable is empty, which would leave the keys in the clear', () => {
    const env = { KEYTURN_KEYS_ENCRYPTION_KEY: '' }
    expect(errorOf(() => loadConfig({ flags: {}, env, file: undefined })).code).toBe('config_invalid')
  })

  it('are told of when every user can read their file, and refused when every user can write it', async () => {
    const file = join(folder, 'kek')
    await writeFile(file, key(1).toString('base64'))
    for (const mode of [0o400, 0o440, 0o600, 0o640]) {
      await chmod(file, mode)
      expect(read({ file })).toHaveLength(1)
    }
    expect(warnings).toEqual([])
    await chmod(file, 0o644)
    expect(read({ file })).toHaveLength(1)
    expect(warnings.join()).toMatch(/every user of this machine can read .*kek: chmod 0600 /)
    await chmod(file, 0o666)
    expect(errorOf(() => read({ file })).code).toBe('store_unsafe')
  })

  it('are not waited for where a folder or a pipe stands in their place', () => {
    expect(errorOf(() => read({ file: folder })).code).toBe('config_file_unreadable')
  })

  it('are called in refusals what they were called when they were given', async () => {
    const messageOf = (...[flags, env = {}]: [Parameters<typeof loadConfig>[0]['flags'], object?]) =>
      errorOf(() => loadConfig({ flags, env: { ...env }, file: undefined })).message
    const file = join(folder, 'kek')
    expect(messageOf({ keysEncryptionKeyFile: file })).toMatch(/^--keys-encryption-key-file: .* \(ENOENT\)$/)
    await writeFile(file, 'short')
    expect(messageOf({ keysEncryptionKeyFile: file })).toMatch(/^--keys-encryption-key-file .*: expected 32 /)
    expect(messageOf({}, { KEYTURN_KEYS_ENCRYPTION_KEY: 'short' })).toMatch(
      /^KEYTURN_KEYS_ENCRYPTION_KEY: expected 32 /,
    )
    expect(messageOf({ keysEncryptionKeyFile: file }, { KEYTURN_KEYS_ENCRYPTION_KEY: 'short' })).toBe(
      'KEYTURN_KEYS_ENCRYPTION_KEY and --keys-encryption-key-file: expected one of the two',
    )
  })

  it('do not show when a configuration is printed', () => {
    const config = loadConfig({
      flags: {},
      env: { KEYTURN_KEYS_ENCRYPTION_KEY: key(7).toString('base64') },
      file: undefined,
    })
    expect(JSON.stringify(config)).not.toContain(key(7).toString('base64').slice(0, 20))
    expect(config.encryptionKeys).toHaveLength(1)
  })
})
