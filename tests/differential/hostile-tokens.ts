import { availableAlgorithms } from '@keyturn/core'
import fc from 'fast-check'
import { type Change, changeOf, type Members, membersOf, omit, set, texts, write } from './members.ts'
import { AUDIENCE, CLAIMS, headerOf, ISSUER, NOW, SIGNERS, signText } from './signers.ts'

const DEEP = JSON.parse('['.repeat(20) + ']'.repeat(20))

const headerChange = changeOf(
  ['alg', 'kid', 'typ', 'crit', 'b64', 'enc', 'cty', 'zip', 'jwk', 'jku', 'x5c', '__proto__', 'x'],
  texts(
    ...[...availableAlgorithms(), 'none', 'HS256', 'ES256K', 'JWT', 'AT+JWT', 'application/at+jwt'],
    ...[['b64'], ['exp'], [], true, false, 'other', 'A256GCM', SIGNERS[0]?.jwk, [[[[[]]]]]],
    ...SIGNERS.map(({ jwk }) => jwk.kid),
  ),
)
/** What matters under few policies, or to few of us, and would come up too seldom. */
const seldomHeader = fc.constantFrom(
  ...[
    set('typ', '1'),
    set('typ', 'null'),
    set('typ', '["at+jwt"]'),
    set('cty', '"JWT"'),
    set('b64', 'false'),
    set('x', '[[[[[]]]]]'),
  ],
)
const seldomClaims = fc.constantFrom(
  ...[set('aud', `["${AUDIENCE}",1]`), set('exp', `${NOW + 600}.5`), set('exp', '1e999'), omit('iat')],
)
/** The one extension that jose understands. */
const criticalB64: Change = (members) => set('b64', 'true')(set('crit', '["b64"]')(members))
const claimsChange = changeOf(
  [...Object.keys(CLAIMS), 'nbf', 'scope', '__proto__', 'x'],
  texts(
    ...[
      ISSUER,
      [ISSUER],
      `${ISSUER}/`,
      AUDIENCE,
      [AUDIENCE],
      [AUDIENCE, 1],
      'other',
      ['other'],
      2,
      3,
      '0',
      false,
    ],
    ...[0, 0.5, 1e6].map((offset) => NOW + offset),
    ...[{ a: [[[1]]] }, 'a b', DEEP],
  ),
)
/** Around every moment at which a policy thinks otherwise. */
const timeChange = fc
  .tuple(
    fc.constantFrom('exp', 'nbf', 'iat'),
    fc.constantFrom(-65, -60, -15, -10, -6, -5, -1, 0, 0.5, 1, 5, 6, 60, 61),
  )
  .map(([claim, offset]) => set(claim, String(NOW + offset)))

/** What JSON allows around its text, and what it does not: a byte order mark, and half a character. */
const writing = fc.oneof(
  { weight: 30, arbitrary: fc.constant((text: string) => Buffer.from(text)) },
  fc.constantFrom(
    (text: string) => Buffer.from(` ${text}\n`),
    (text: string) => Buffer.from(`\ufeff${text}`),
    (text: string) => Buffer.from(text.replace(/}$/, ',"y":"\xff"}'), 'latin1'),
  ),
)
const changed = (members: Members, changes: readonly Change[]) =>
  write(changes.reduce((it, change) => change(it), members))

/** Well signed with one key, wrong in header or claims, perhaps by way of another key's name. */
const resigned = fc
  .record({
    signer: fc.constantFrom(...SIGNERS),
    header: fc.array(
      fc.oneof(
        { weight: 30, arbitrary: headerChange },
        { weight: 3, arbitrary: seldomHeader },
        fc.constant(criticalB64),
      ),
      {
        maxLength: 2,
      },
    ),
    claims: fc.array(
      fc.oneof({ weight: 6, arbitrary: claimsChange }, { weight: 2, arbitrary: timeChange }, seldomClaims),
      { maxLength: 2 },
    ),
    writeHeader: writing,
    writeClaims: writing,
  })
  .map(({ signer, header, claims, writeHeader, writeClaims }) =>
    signText(
      signer,
      writeHeader(changed(membersOf(headerOf(signer)), header)),
      writeClaims(changed(membersOf(CLAIMS), claims)),
    ),
  )

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const character = fc.constantFrom(...ALPHABET, '.', '=', '+', '/', ' ', '\n', '\t', '\0', '"', '{', 'é')
const spliced = (count: fc.Arbitrary<number>, text: fc.Arbitrary<string>) =>
  fc.tuple(fc.nat(), count, text).map(([at, length, it]) => (token: string) => {
    const start = at % token.length
    return token.slice(0, start) + it + token.slice(start + length)
  })
const padded = (token: string) =>
  token
    .split('.')
    .map((part) => part.padEnd(Math.ceil(part.length / 4) * 4, '='))
    .join('.')
/** What may happen to a token on its way. */
const textChange: fc.Arbitrary<(token: string) => string> = fc.oneof(
  spliced(fc.constantFrom(0, 1), character),
  spliced(fc.integer({ min: 1, max: 4 }), fc.constant('')),
  fc.constantFrom(...ALPHABET).map((it) => (token: string) => token.slice(0, -1) + it),
  fc.constantFrom('=', '==', '\n', ' ', '.', '.e30').map((it) => (token: string) => token + it),
  fc.constantFrom(' ', '\n', 'Bearer ').map((it) => (token: string) => it + token),
  fc.constant((token: string) => token.replaceAll('-', '+').replaceAll('_', '/')),
  fc.constant(padded),
  fc.constant((token: string) => token.split('.').reverse().join('.')),
)

/** Tokens that anyone may send: signed as they should not be, changed on their way, or both. */
export function hostileTokens(good: readonly string[]): fc.Arbitrary<string> {
  const onTheWay = fc.tuple(fc.constantFrom(...good), textChange)
  const both = fc.tuple(resigned, textChange)
  return fc.oneof(
    { weight: 6, arbitrary: resigned },
    { weight: 3, arbitrary: onTheWay.map(([token, change]) => change(token)) },
    { weight: 1, arbitrary: both.map(([token, change]) => change(token)) },
  )
}
