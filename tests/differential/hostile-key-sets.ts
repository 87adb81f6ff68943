import { availableAlgorithms } from '@keyturn/core'
import fc from 'fast-check'
import { changeOf, membersOf, set, texts, write } from './members.ts'
import { BYSTANDER, CLAIMS, headerOf, NOW, SIGNERS, type Signer, signText } from './signers.ts'
import { WEAK_SIGNERS } from './weak-signers.ts'

/** A key set in writing, and a good token of one of its keys. */
export interface Published {
  readonly document: string
  readonly token: string
  /** Where the key of the token is in the set. */
  readonly index: number
}

const memberChange = changeOf(
  [
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
    'pub',
    'd',
    'p',
    'k',
    'exp',
    'ext',
    'x5c',
  ],
  fc.oneof(
    texts(
      ...[
        ...availableAlgorithms(),
        'HS256',
        'RSA-OAEP',
        'RSA',
        'EC',
        'OKP',
        'oct',
        'P-256',
        'Ed25519',
        'AQAB',
        'AQ',
        'AA',
      ],
      ...[
        'sig',
        'enc',
        ['verify'],
        ['sign'],
        ['sign', 'verify'],
        ['verify', 'verify'],
        ['encrypt'],
        'verify',
        true,
        NOW,
      ],
      ...SIGNERS.map(({ jwk }) => jwk.kid),
    ),
    // another spelling of the same number
    fc.constantFrom(...SIGNERS).map(({ jwk }) => JSON.stringify(`${Object.values(jwk)[1]}==`)),
  ),
)
/** A key whose end its issuer has published, and which has come. */
const ended = set('exp', String(NOW - 1))
const keyChange = fc.oneof({ weight: 30, arbitrary: memberChange }, fc.constant(ended))
const respell = (spell: (value: string) => string) => (jwk: object) =>
  Object.fromEntries(
    Object.entries(jwk).map(([name, value]) => [
      name,
      ['n', 'x', 'pub'].includes(name) ? spell(value) : value,
    ]),
  )
const leadingZero = (value: string) =>
  Buffer.concat([Buffer.alloc(1), Buffer.from(value, 'base64url')]).toString('base64url')
const spelling = fc.oneof(
  { weight: 20, arbitrary: fc.constant((jwk: object) => jwk) },
  fc.constantFrom(
    respell((value) => `${value}=`),
    respell((value) => Buffer.from(value, 'base64url').toString('base64')),
    respell(leadingZero),
  ),
)

type Assembly = (keys: readonly string[]) => { readonly document: string; readonly before: number }
const plain: Assembly = (keys) => ({ document: `{"keys":[${keys.join(',')}]}`, before: 0 })
/** Sets that are odd as a whole, while the key of the token is as it was. */
const assembly: fc.Arbitrary<Assembly> = fc.oneof(
  { weight: 30, arbitrary: fc.constant(plain) },
  fc.constantFrom<Assembly>(
    (keys) => ({ document: `\ufeff${plain(keys).document}`, before: 0 }),
    (keys) => ({ document: `{"keys":[],"keys":[${keys.join(',')}]}`, before: 0 }),
    (keys) => ({ document: `{"__proto__":{},"keys":[${keys.join(',')}]}`, before: 0 }),
    (keys) => ({ document: `{"x":"${' '.repeat(70_000)}","keys":[${keys.join(',')}]}`, before: 0 }),
    (keys) => ({
      document: `{"keys":[${[...Array(32).fill('{"kty":"x"}'), ...keys].join(',')}]}`,
      before: 32,
    }),
    (keys) => ({ document: `[${keys.join(',')}]`, before: 0 }),
  ),
)

/** Another key that claims the kid of the first; now and then the very same. */
const rival = (signer: Signer) =>
  fc.constantFrom(...SIGNERS).map((other) => JSON.stringify({ ...other.jwk, kid: signer.jwk.kid }))

/** Key sets that an issuer may publish by mistake, or somebody in its place. */
export const hostileKeySets: fc.Arbitrary<Published> = fc
  .oneof(
    { weight: 8, arbitrary: fc.constantFrom(...SIGNERS) },
    { weight: 2, arbitrary: fc.constantFrom(...WEAK_SIGNERS) },
  )
  .chain((signer) =>
    fc.record({
      signer: fc.constant(signer),
      changes: fc.array(keyChange, { maxLength: 2 }),
      spell: spelling,
      kid: fc.oneof({ weight: 20, arbitrary: fc.constant(signer.jwk.kid) }, fc.constant('key-1')),
      rivals: fc.oneof(
        { weight: 9, arbitrary: fc.constant([]) },
        rival(signer).map((it) => [it]),
      ),
      assemble: assembly,
    }),
  )
  .map(({ signer, changes, spell, kid, rivals, assemble }) => {
    const plain = membersOf({ ...spell(signer.jwk), kid })
    const key = write(changes.reduce((members, change) => change(members), plain))
    const { document, before } = assemble([key, ...rivals, JSON.stringify(BYSTANDER.jwk)])
    const token = signText(signer, JSON.stringify({ ...headerOf(signer), kid }), JSON.stringify(CLAIMS))
    return { document, token, index: before }
  })
