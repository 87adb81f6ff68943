import { DEFAULT_MAX_TOKEN_LENGTH, type JsonObject, type TokenRejectionCode } from '@keyturn/core'
import { encode, type Model, type Recipe } from './model.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Tokens that are none. Each has the characters that may stand in a header (RFC 6750, section 2.1). */
export const MALFORMED_TOKENS: readonly Recipe[] = [
  {
    name: 'that is opaque, as are refresh tokens and API keys',
    codes: ['token_malformed'],
    make: ({ parts: [, , signature] }) => signature.slice(0, 43),
  },
  { name: 'of dots alone', codes: ['token_malformed'], make: () => '..' },
  {
    name: 'with a part less',
    codes: ['token_malformed'],
    make: ({ parts: [header, payload] }) => `${header}.${payload}`,
  },
  {
    name: 'with a part more',
    codes: ['token_malformed'],
    make: ({ good, parts: [, , signature] }) => `${good}.${signature}`,
  },
  {
    name: 'of five parts, as one that is encrypted',
    codes: ['token_encrypted'],
    make: ({ good, parts: [, payload, signature] }) => `${good}.${payload}.${signature}`,
  },
  {
    name: 'without its payload',
    codes: ['token_detached_payload'],
    make: ({ parts: [header, , signature] }) => `${header}..${signature}`,
  },
  {
    name: 'that is too long',
    codes: ['token_too_long'],
    make: ({ good }) => good.padEnd(DEFAULT_MAX_TOKEN_LENGTH + 1, 'A'),
  },
  { name: 'with padding', codes: ['token_not_canonical'], make: ({ good }) => `${good}=` },
  {
    name: 'in the standard alphabet of base64',
    codes: ['token_malformed'],
    make: ({ parts: [header, payload, signature] }) => `${header}.${payload}.+/${signature.slice(2)}`,
  },
  {
    name: 'whose bytes are spelled otherwise',
    codes: ['token_not_canonical'],
    make: ({ good, parts: [, , signature] }) => (signature.length % 4 === 0 ? undefined : respelled(good)),
  },
  { name: 'cut short', codes: ['signature_length'], make: (model) => resized(model, -1) },
  { name: 'with a byte more', codes: ['signature_length'], make: (model) => resized(model, 1) },
  withHeader('whose header is no JSON', 'header_malformed', () => 'header'),
  withHeader('whose header is a list', 'header_malformed', (header) => JSON.stringify([header])),
  withHeader('whose header says alg twice', 'header_malformed', (header) =>
    JSON.stringify(header).replace('{', '{"alg":"none",'),
  ),
  withHeader('without a kid', 'header_kid_refused', ({ kid: _, ...header }) => header),
  withHeader('whose kid is a number', 'header_kid_refused', (header) => ({ ...header, kid: 7 })),
  withHeader('with an extension that must be understood', 'header_crit_refused', (header) => ({
    ...header,
    crit: ['exp'],
  })),
  withHeader('whose payload is not encoded', 'token_unencoded_payload', (header) => ({
    ...header,
    b64: false,
    crit: ['b64'],
  })),
  withHeader('whose header is that of an encrypted one', 'token_encrypted', (header) => ({
    ...header,
    enc: 'A256GCM',
  })),
  withHeader('that is said to hold another token', 'token_nested', (header) => ({ ...header, cty: 'JWT' })),
]

/** Under the signature of the good one: a header is looked at before that. */
function withHeader(
  name: string,
  code: TokenRejectionCode,
  change: (header: JsonObject) => object | string,
): Recipe {
  const make = ({ header, parts: [, payload, signature] }: Model) =>
    `${encode(change(header))}.${payload}.${signature}`
  return { name, codes: [code], make }
}

/** Another last character, whose additional bits stand for nothing. */
function respelled(good: string): string {
  return good.slice(0, -1) + ALPHABET.charAt(ALPHABET.indexOf(good.slice(-1)) + 1)
}

function resized({ parts: [header, payload, signature] }: Model, bytesMore: number): string {
  const bytes = Buffer.from(signature, 'base64url')
  const resizedTo = Buffer.alloc(bytes.length + bytesMore)
  bytes.copy(resizedTo)
  return `${header}.${payload}.${resizedTo.toString('base64url')}`
}
