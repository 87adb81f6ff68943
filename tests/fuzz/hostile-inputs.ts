import { ALGORITHM_NAMES } from '@keyturn/core'
import type { Chance } from './chance.ts'

/** Makes an input out of good tokens, by chance. None of them is one of these tokens, save by accident. */
export type Mutation = (tokens: readonly string[], chance: Chance) => unknown

const STRANGE = [
  '.',
  '=',
  '+',
  '/',
  ' ',
  '\n',
  '\0',
  '\ufeff',
  'Ł',
  'ａ',
  '\ud800',
  '"',
  '{',
  '%2e',
  '..',
  'AAAA',
]
const NAMES = [
  'alg',
  'kid',
  'typ',
  'crit',
  'b64',
  'zip',
  'enc',
  'cty',
  'jwk',
  'jku',
  'x5u',
  'x5c',
  '__proto__',
]
const CLAIM_NAMES = ['iss', 'aud', 'sub', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'type', 'role', 'verified']
const ALGS = [...ALGORITHM_NAMES, 'none', 'None', 'HS256', 'HS512', 'ES256K', 'RSA1_5', 'dir', '']
/** As JSON has them, also what no value of JavaScript becomes. */
const VALUES = [
  ...['""', '"x"', '"none"', '"1"', 'null', 'true', '0', '-1', '1e999', '-0', '9007199254740993', '0.5'],
  ...[
    '[]',
    '{}',
    '[[]]',
    '["b64"]',
    '{"kty":"oct","k":"AA"}',
    `"${'a'.repeat(300)}"`,
    '"\\u0000"',
    '"\\ud800"',
  ],
]

/** Every kind of mutation by its name. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  character: (tokens, chance) => replaceAt(chance.pick(tokens), chance, 1, chance.pick(STRANGE)),
  bit(tokens, chance) {
    const token = chance.pick(tokens)
    const at = chance.below(token.length)
    const other = String.fromCharCode(token.charCodeAt(at) ^ (1 << chance.below(8)))
    return token.slice(0, at) + other + token.slice(at + 1)
  },
  cut(tokens, chance) {
    const token = chance.pick(tokens)
    const from = chance.below(token.length)
    return chance.below(2) === 0 ? token.slice(from) : token.slice(0, from)
  },
  hole: (tokens, chance) => replaceAt(chance.pick(tokens), chance, 1 + chance.below(40), ''),
  repeat(tokens, chance) {
    const token = chance.pick(tokens)
    const from = chance.below(token.length)
    return token.slice(0, from) + token.slice(Math.max(0, from - 1 - chance.below(40)))
  },
  splice(tokens, chance) {
    const parts = [0, 1, 2].map((part) => chance.pick(tokens).split('.')[part])
    return parts.join('.')
  },
  parts(tokens, chance) {
    const parts = chance.pick(tokens).split('.')
    const count = chance.below(6)
    return Array.from({ length: count }, () => chance.pick(parts)).join('.')
  },
  padding(tokens, chance) {
    const parts = chance.pick(tokens).split('.')
    const at = chance.below(3)
    parts[at] += '='.repeat(1 + chance.below(3))
    return parts.join('.')
  },
  alphabet(tokens, chance) {
    const parts = chance.pick(tokens).split('.')
    const at = chance.below(3)
    parts[at] = Buffer.from(parts[at] ?? '', 'base64url').toString('base64')
    return parts.join('.')
  },
  header: (tokens, chance) => withPart(chance.pick(tokens), 0, (text) => changedJson(text, chance, NAMES)),
  payload: (tokens, chance) =>
    withPart(chance.pick(tokens), 1, (text) => changedJson(text, chance, CLAIM_NAMES)),
  algorithm: (tokens, chance) =>
    withPart(chance.pick(tokens), 0, (text) =>
      JSON.stringify({ ...JSON.parse(text), alg: chance.pick(ALGS) }),
    ),
  signature(tokens, chance) {
    const [header, payload, signature = ''] = chance.pick(tokens).split('.')
    return `${header}.${payload}.${changedBytes(Buffer.from(signature, 'base64url'), chance)}`
  },
  noise(_, chance) {
    return Array.from({ length: chance.below(200) }, () => String.fromCharCode(chance.below(0x300))).join('')
  },
  thing(tokens, chance) {
    const token = chance.pick(tokens)
    const things = [
      undefined,
      null,
      0,
      1n,
      true,
      Symbol('x'),
      [token],
      { toString: () => token },
      new String(token),
    ]
    return chance.pick<unknown>([...things, Buffer.from(token), () => token, new Proxy({}, {}), new Date(0)])
  },
}

/** A key set's text, changed in one place, or by a member that keys know. */
export function hostileKeySet(text: string, chance: Chance): string {
  const members = [
    'kty',
    'kid',
    'alg',
    'use',
    'key_ops',
    'crv',
    'n',
    'e',
    'x',
    'y',
    'd',
    'k',
    'pub',
    'exp',
    'keys',
  ]
  return chance.pick([
    () => replaceAt(text, chance, 1, chance.pick(STRANGE)),
    () => replaceAt(text, chance, 1 + chance.below(400), ''),
    () => text.slice(0, chance.below(text.length)),
    () => changedJson(text, chance, ['keys', 'keyturn', '__proto__']),
    () => {
      const document = JSON.parse(text)
      const at = chance.below(document.keys.length)
      document.keys[at] = JSON.parse(changedJson(JSON.stringify(document.keys[at]), chance, members))
      return JSON.stringify(document)
    },
  ])()
}

function replaceAt(text: string, chance: Chance, length: number, by: string): string {
  const at = chance.below(text.length)
  return text.slice(0, at) + by + text.slice(at + length)
}

function withPart(token: string, part: 0 | 1, change: (text: string) => string): string {
  const parts = token.split('.')
  parts[part] = Buffer.from(change(Buffer.from(parts[part] ?? '', 'base64url').toString())).toString(
    'base64url',
  )
  return parts.join('.')
}

/** A member changed, put in, put in twice or taken out; or the text around it. */
function changedJson(text: string, chance: Chance, names: readonly string[]): string {
  const name = chance.pick(names)
  const value = chance.pick(VALUES)
  const { [name]: _removed, ...others } = JSON.parse(text)
  return chance.pick([
    () => JSON.stringify(others),
    () => `${text.slice(0, -1)},${JSON.stringify(name)}:${value}}`,
    () => `{${JSON.stringify(name)}:${value},${text.slice(1)}`,
    () => ` ${text}`,
    () => `\ufeff${text}`,
    () => text.replace(':', ' :'),
    () => `${text}${text}`,
    () => `[${text}]`,
    () => text.replace(/^\{/, `{${'"a":{'.repeat(20)}${'}'.repeat(20)},`),
    () => text.replace(/"(\w)/, (_, letter) => `"\\u00${letter.charCodeAt(0).toString(16)}`),
  ])()
}

function changedBytes(bytes: Buffer, chance: Chance): string {
  const half = bytes.length >> 1
  const zero = Buffer.alloc(bytes.length)
  const changed = chance.pick([
    () => zero,
    () => Buffer.alloc(bytes.length, 0xff),
    () => Buffer.concat([bytes, Buffer.from([0])]),
    () => Buffer.concat([Buffer.from([0]), bytes]),
    () => bytes.subarray(1),
    () => bytes.subarray(0, -1),
    () => Buffer.concat([bytes.subarray(half), bytes.subarray(0, half)]),
    () => Buffer.concat([bytes.subarray(0, half), zero.subarray(half)]),
    () => Buffer.concat([zero.subarray(0, half), bytes.subarray(half)]),
    () => Buffer.from(bytes).reverse(),
  ])()
  return changed.toString('base64url')
}
