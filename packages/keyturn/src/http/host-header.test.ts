import { describe, expect, it } from 'vitest'
import { isExpectedHost, isOwnOrigin } from './host-header.ts'

const OWN = 'Ops.internal'

describe('the Host of the admin listener (R53)', () => {
  it.each([
    'localhost',
    'LocalHost:9011',
    'localhost:',
    'localhost:65535',
    '127.0.0.1',
    '10.0.0.7:9011',
    '[::1]',
    '[::1]:9011',
    '[2001:DB8::7]:9011',
    'ops.internal',
    'OPS.INTERNAL:9011',
  ])('may be %s', (host) => {
    expect(isExpectedHost(host, OWN)).toBe(true)
  })

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['a port alone', ':9011'],
    ['another name', 'evil.example'],
    ['a name that begins well', 'localhost.evil.example'],
    ['a trailing dot', 'localhost.'],
    ['user information', 'evil@localhost'],
    ['a password', 'evil:x@localhost'],
    ['a space before', ' localhost'],
    ['a space after', 'localhost '],
    ['two words', 'a localhost'],
    ['two names', 'localhost,localhost'],
    ['a line break at the end', 'localhost\n'],
    ['a path', 'localhost/x'],
    ['a query', 'localhost?x'],
    ['a fragment', 'localhost#x'],
    ['a backslash', 'localhost\\x'],
    ['a percent escape', '%6cocalhost'],
    ['a port that is none', 'localhost:65536'],
    ['a port of letters', 'localhost:9o11'],
    ['two ports', 'localhost:1:2'],
    ['an address in short', '127.1'],
    ['an address as number', '2130706433'],
    ['an address of version 6 without brackets', '::1'],
    ['an address of version 4 in brackets', '[127.0.0.1]'],
    ['a zone', '[fe80::1%lo]'],
    ['brackets around nothing', '[]'],
    ['a bracket that stays open', '[::1'],
    ['a letter of another script', 'ⅼocalhost'],
  ])('may not be %s', (_, host) => {
    expect(isExpectedHost(host, OWN)).toBe(false)
  })
})

describe('the Origin of a request to the admin listener (R53)', () => {
  it.each([
    [undefined, 'localhost:9011'],
    ['http://localhost:9011', 'localhost:9011'],
    ['https://Ops.internal', 'ops.internal'],
    ['http://[::1]:9011', '[::1]:9011'],
  ])('may be %j at %j', (origin, host) => {
    expect(isOwnOrigin(origin, host)).toBe(true)
  })

  it.each([
    ['null', 'localhost:9011'],
    ['', 'localhost:9011'],
    ['http://localhost', 'localhost:9011'],
    ['http://localhost:9011.evil.example', 'localhost:9011'],
    ['http://evil.example/localhost:9011', 'localhost:9011'],
    ['file://localhost:9011', 'localhost:9011'],
    ['http://localhost:9011', undefined],
  ])('may not be %j at %j', (origin, host) => {
    expect(isOwnOrigin(origin, host)).toBe(false)
  })
})
