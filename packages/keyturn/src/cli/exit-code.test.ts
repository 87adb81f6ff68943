import { readFileSync } from 'node:fs'
import { KeysUnavailable, KeyturnError, TokenRejected } from '@keyturn/core'
import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { describeError, EXIT, EXIT_BY_CODE, exitCodeOf } from './exit-code.ts'
import { UsageError } from './usage-error.ts'

const coded = (code: string) => new KeyturnError(code, 'expected something')

describe('how commands end (R57)', () => {
  it.each([
    ['config_invalid', 2],
    ['config_unknown_setting', 2],
    ['config_file_unreadable', 2],
    ['client_invalid', 2],
    ['verifier_env_invalid', 2],
    ['token_missing', 2],
    ['store_failed', 4],
    ['state_failed', 4],
    ['ring_missing', 1],
    ['rotation_too_early', 1],
    ['address_unavailable', 1],
    ['policy_invalid', 2],
    ['backup_unreadable', 2],
    ['backup_corrupt', 1],
    ['configuration', 1],
    ['toString', 1],
  ])('%s ends with %i', (code, expected) => {
    expect(exitCodeOf(coded(code))).toBe(expected)
  })

  it('is with 2 for what the reference says of a program that is set up wrongly, and for nothing else', () => {
    const reference = readFileSync(new URL('../../../../docs/reference/errors.md', import.meta.url), 'utf8')
    const [, section = ''] = /^## A program is set up wrongly\n(.*?)^## /ms.exec(reference) ?? []
    const [sentences = '', table = ''] = section.split('| code |')
    const codesIn = (text: string) => [...text.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, code]) => code)
    const firstCells = table.split('\n').map((row) => row.split('|')[1] ?? '')
    const [failing, ...others] = codesIn(sentences)
    const expected = [...codesIn(firstCells.join()), ...others].filter((code) => code !== failing)
    const usage = [...EXIT_BY_CODE.keys()].filter((code) => exitCodeOf(coded(code)) === EXIT.usage)
    expect(sentences).toContain('`usage`')
    expect(usage.toSorted()).toEqual([...expected, 'usage'].toSorted())
    expect(failing).toBe('address_unavailable')
  })

  it('tells a bad token from keys that cannot be had, and both from bugs', () => {
    expect(exitCodeOf(new TokenRejected('token_expired'))).toBe(3)
    expect(exitCodeOf(new KeysUnavailable('no keys'))).toBe(4)
    expect(exitCodeOf(new Error('bug'))).toBe(1)
    expect(exitCodeOf(new CommanderError(1, 'commander.help', '(outputHelp)'))).toBe(2)
    expect(exitCodeOf(new CommanderError(0, 'commander.version', '1.0.0'))).toBe(0)
  })
})

describe('what they say of it (R57, R75)', () => {
  it('is one line with a code, and nothing that moves the cursor', () => {
    const error = new KeyturnError('config_invalid', 'KEYTURN_\x1b[2J: no', { remedy: 'see\u009b' })
    expect(describeError(error, false)).toBe('keyturn: config_invalid: KEYTURN_\\u001b[2J: no - see\\u009b')
    expect(JSON.parse(describeError(error, true))).toEqual({
      error: { code: 'config_invalid', message: error.message, remedy: error.remedy },
    })
    expect(describeError(error, true)).not.toContain('\u009b')
  })

  it.each([
    ['a key for an option', (key: string) => `error: unknown option '${key}'`],
    [
      'a key for an argument',
      (key: string) => `error: too many arguments for 'x'. Expected 0 but got 1: ${key}.`,
    ],
    [
      'a key for a value',
      (key: string) => `error: option '--algorithm <name>' argument '${key}' is invalid.`,
    ],
    [
      'a key for a file',
      (key: string) => new KeyturnError('backup_unreadable', `cannot read /a/${key} (ENOENT)`),
    ],
    ['a key for a folder', (key: string) => new KeyturnError('x', 'no', { remedy: `chmod 0700 ${key}` })],
  ])('repeats nothing of %s, whatever form it has', (_, failing) => {
    const pem = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIE\nIGtleQ==\n-----END PRIVATE KEY-----'
    const forms = [
      pem,
      pem.replaceAll('\n', ', '),
      'Bag\nIGtleQ==',
      '{"kty":"EC","d":"IGtleQ"}',
      "{'IGtleQ'}",
    ]
    for (const key of forms) {
      const error = failing(key)
      const shown =
        typeof error === 'string'
          ? new UsageError(new CommanderError(1, 'commander.x', error), 'keyturn')
          : error
      expect(describeError(shown, false)).toContain('not repeated here')
      for (const asJson of [true, false]) expect(describeError(shown, asJson)).not.toMatch(/MC4C|IGtleQ/)
    }
  })

  it('repeats a name that is misspelt, and what it may be meant for', () => {
    const error = new CommanderError(1, 'commander.x', "error: unknown command 'ky'\n(Did you mean keys?)")
    expect(describeError(new UsageError(error, 'keyturn keys'), false)).toBe(
      "keyturn: usage: unknown command 'ky' (Did you mean keys?) - see: keyturn keys --help",
    )
  })
})
