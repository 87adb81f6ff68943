import { readFileSync } from 'node:fs'
import { KeysUnavailable, KeyturnError, TokenRejected } from '@keyturn/core'
import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { describeError, EXIT, EXIT_BY_CODE, exitCodeOf } from './exit-code.ts'

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
    expect(usage.toSorted()).toEqual(expected.toSorted())
    expect(failing).toBe('address_unavailable')
  })

  it('tells a bad token from keys that cannot be had, and both from bugs', () => {
    expect(exitCodeOf(new TokenRejected('token_expired'))).toBe(3)
    expect(exitCodeOf(new KeysUnavailable('no keys'))).toBe(4)
    expect(exitCodeOf(new Error('bug'))).toBe(1)
    expect(exitCodeOf(new CommanderError(1, 'commander.unknownOption', 'no'))).toBe(2)
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
})
