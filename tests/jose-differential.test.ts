import { createPublicKey, generateKeyPairSync, sign as signBytes } from 'node:crypto'
import {
  ALGORITHMS,
  type AlgorithmName,
  AVAILABLE_ALGORITHMS,
  encodeBase64url,
  type PublicJwk,
  type PublishedJwk,
  parseJwkSet,
  requiredMembers,
  type SigningKey,
  signCompact,
  TokenChecker,
  TokenRejected,
  thumbprint,
} from '@keyturn/core'
import fc from 'fast-check'
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'

// Law: what we accept, jose accepts with the same claims. Where jose alone accepts, our code is one of these.
const STRICTER: Readonly<Record<string, string>> = {
  token_not_canonical: 'jose decodes padding and unused bits; we know one spelling of a token',
  token_malformed: 'jose decodes the standard alphabet and white space inside a part',
  token_unencoded_payload: 'jose ignores b64 that is not in crit; we refuse b64 false wherever it stands',
  token_encrypted: 'jose ignores enc in the header of a JWS',
  token_nested: 'jose leaves cty to its caller',
  header_malformed: 'jose takes the last of two members of one name, any depth, and __proto__',
  header_kid_refused: 'jose takes a token without kid when one key of the set fits its alg',
  header_crit_refused: 'jose understands the extension b64',
  payload_malformed: 'jose takes the last of two members of one name, any depth, and __proto__',
  claim_missing: 'jose requires of exp, sub, jti and client_id only what its caller lists',
  claim_malformed:
    'jose takes fractions of seconds, and leaves sub, jti, scope and session claims to its caller',
  token_issued_in_future: 'jose looks at iat only when its caller sets a maximum age',
}

const ISSUER = 'https://auth.example'
const AUDIENCE = 'orders'
const NOW = 1_800_000_000
const CLAIMS = {
  iss: ISSUER,
  aud: [AUDIENCE, 'billing'],
  sub: 'user-1',
  jti: 'token-1',
  client_id: 'client-1',
  iat: NOW - 10,
  exp: NOW + 600,
  type: 0,
  role: 1,
  verified: true,
}
const MUTATIONS = 10_000

type Signer = ReturnType<typeof makeSigner>
type Outcome = { readonly claims: object } | { readonly code: string }

const signers = AVAILABLE_ALGORITHMS.map(makeSigner)
const document = { keys: signers.map(({ jwk }) => jwk) }
const { keys } = parseJwkSet(Buffer.from(JSON.stringify(document)))
const joseKeys = createLocalJWKSet(document)
const checker = new TokenChecker({ issuer: ISSUER, audience: AUDIENCE })

function makeSigner(alg: AlgorithmName) {
  const { type, options } = ALGORITHMS[alg].generation
  const { privateKey } = generateKeyPairSync(type as 'rsa', { ...options, modulusLength: 2048 })
  const publicKey = createPublicKey(privateKey as never)
  const members = requiredMembers(publicKey.export({ format: 'jwk' }) as PublicJwk)
  const jwk: PublishedJwk = { ...members, kid: thumbprint(members), alg, use: 'sig' }
  return { alg, jwk, privateKey }
}

function signatureOf({ alg, privateKey }: Signer, bytes: Uint8Array): Buffer {
  const { digest, cryptoOptions } = ALGORITHMS[alg]
  return signBytes(digest, bytes, { key: privateKey, dsaEncoding: 'ieee-p1363', ...cryptoOptions })
}

/** Header and payload are text already, so that they may be wrong in any way and yet well signed. */
function signText(signer: Signer, header: string, payload: string): string {
  const signingInput = `${encodeBase64url(header)}.${encodeBase64url(payload)}`
  return `${signingInput}.${encodeBase64url(signatureOf(signer, Buffer.from(signingInput)))}`
}

async function ours(token: string): Promise<Outcome> {
  try {
    const parsed = checker.parse(token)
    const key = keys.get(parsed.header.kid)
    if (key === undefined) return { code: 'key_unknown' }
    return { claims: checker.verify(parsed, key, NOW * 1000).claims }
  } catch (error) {
    if (error instanceof TokenRejected) return { code: error.code }
    throw error
  }
}

async function theirs(token: string): Promise<Outcome> {
  try {
    const { payload } = await jwtVerify(token, joseKeys, {
      issuer: ISSUER,
      audience: AUDIENCE,
      typ: 'at+jwt',
      algorithms: [...AVAILABLE_ALGORITHMS],
      clockTolerance: 5,
      currentDate: new Date(NOW * 1000),
    })
    return { claims: payload }
  } catch (error) {
    return { code: (error as { code?: string }).code ?? String(error) }
  }
}

/** Members in writing, in order, repeats allowed. */
type Members = readonly (readonly [name: string, json: string])[]
const write = (members: Members) =>
  `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`
const membersOf = (value: object): Members =>
  Object.entries(value).map(([name, it]) => [name, JSON.stringify(it)])

type Change = (members: Members) => Members
const set =
  (name: string, json: string): Change =>
  (members) => [...members.filter(([other]) => other !== name), [name, json]]
const omit =
  (name: string): Change =>
  (members) =>
    members.filter(([other]) => other !== name)
const repeat =
  (name: string, json: string): Change =>
  (members) => [...members, [name, json]]
const precede =
  (name: string, json: string): Change =>
  (members) => [[name, json], ...members]

const foreignValue = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }).map((it) => JSON.stringify(it)),
  fc.constantFrom(...'null 0 -0 1e999 "" [] {} true "1800000600" 1800000600.5 18000006e2'.split(' ')),
)
const changeOf = (names: readonly string[], values: fc.Arbitrary<string>): fc.Arbitrary<Change> => {
  const name = fc.constantFrom(...names)
  const value = fc.oneof(values, foreignValue)
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(name, value).map(([it, json]) => set(it, json)) },
    { weight: 2, arbitrary: name.map(omit) },
    { weight: 1, arbitrary: fc.tuple(name, value).map(([it, json]) => repeat(it, json)) },
    { weight: 1, arbitrary: fc.tuple(name, value).map(([it, json]) => precede(it, json)) },
  )
}
const texts = (...values: unknown[]) => fc.constantFrom(...values.map((value) => JSON.stringify(value)))

const headerChange = changeOf(
  ['alg', 'kid', 'typ', 'crit', 'b64', 'enc', 'cty', 'zip', 'jwk', 'jku', 'x5c', '__proto__', 'x'],
  texts(
    ...[
      ...AVAILABLE_ALGORITHMS,
      'none',
      'HS256',
      'ES256K',
      'JWT',
      'AT+JWT',
      'application/at+jwt',
      ['b64'],
      ['exp'],
      true,
      false,
    ],
    ...signers.map(({ jwk }) => jwk.kid),
    ...['other', 'A256GCM', signers[0]?.jwk, [[[[[]]]]]],
  ),
)
/** The one extension that jose understands. */
const criticalB64: Change = (members) => set('b64', 'true')(set('crit', '["b64"]')(members))
const claimsChange = changeOf(
  [...Object.keys(CLAIMS), 'nbf', 'scope', '__proto__', 'x'],
  texts(
    ...[ISSUER, `${ISSUER}/`, AUDIENCE, [AUDIENCE], [AUDIENCE, 1], 'other', ['other'], 2, 3, '0', false],
    ...[-6, -5, -4, 0, 4, 5, 6, 0.5, 1e6].map((offset) => NOW + offset),
    ...[{ a: [[[1]]] }, 'a b', JSON.parse('['.repeat(20) + ']'.repeat(20))],
  ),
)

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const character = fc.constantFrom(...ALPHABET, '.', '=', '+', '/', ' ', '\n', '\t', '\0', '"', '{', 'é')
/** What may happen to a token on its way. */
const textChange: fc.Arbitrary<(token: string) => string> = fc.oneof(
  fc.tuple(fc.nat(), character).map(
    ([at, it]) =>
      (token: string) =>
        splice(token, at, 1, it),
  ),
  fc.tuple(fc.nat(), character).map(
    ([at, it]) =>
      (token: string) =>
        splice(token, at, 0, it),
  ),
  fc.tuple(fc.nat(), fc.integer({ min: 1, max: 4 })).map(
    ([at, count]) =>
      (token: string) =>
        splice(token, at, count, ''),
  ),
  fc.constantFrom(...ALPHABET).map((it) => (token: string) => token.slice(0, -1) + it),
  fc.constantFrom('=', '==', '\n', ' ', '.', '.e30').map((it) => (token: string) => token + it),
  fc.constantFrom(' ', '\n', 'Bearer ').map((it) => (token: string) => it + token),
  fc.constant((token: string) => token.replaceAll('-', '+').replaceAll('_', '/')),
  fc.constant((token: string) =>
    token
      .split('.')
      .map((part) => part.padEnd(Math.ceil(part.length / 4) * 4, '='))
      .join('.'),
  ),
  fc.constant((token: string) => token.split('.').reverse().join('.')),
)

function splice(token: string, at: number, count: number, text: string): string {
  const start = at % token.length
  return token.slice(0, start) + text + token.slice(start + count)
}

const signer = fc.constantFrom(...signers)
/** Well signed with one key, wrong in header or claims, perhaps by way of another key's name. */
const resigned = fc
  .record({
    signer,
    header: fc.array(fc.oneof({ weight: 30, arbitrary: headerChange }, fc.constant(criticalB64)), {
      maxLength: 2,
    }),
    claims: fc.array(claimsChange, { maxLength: 2 }),
  })
  .map(({ signer, header, claims }) => {
    const changed = (members: Members, changes: readonly Change[]) =>
      write(changes.reduce((it, change) => change(it), members))
    const plain = membersOf({ alg: signer.alg, kid: signer.jwk.kid, typ: 'at+jwt' })
    return signText(signer, changed(plain, header), changed(membersOf(CLAIMS), claims))
  })

async function goodTokens(): Promise<readonly string[]> {
  const made = signers.map(async (signer) => {
    const { alg, jwk, privateKey } = signer
    const key: SigningKey = {
      kid: jwk.kid,
      alg,
      publicJwk: jwk,
      sign: async (bytes) => signatureOf(signer, bytes),
    }
    const byJose = new SignJWT(CLAIMS as never).setProtectedHeader({ typ: 'at+jwt', kid: jwk.kid, alg })
    return [await signCompact(key, { typ: 'at+jwt' }, CLAIMS), await byJose.sign(privateKey)]
  })
  return (await Promise.all(made)).flat()
}

/** What the law says of one token; `undefined` when it is kept. */
async function breachOf(token: string, seen: Map<string, number>): Promise<string | undefined> {
  const [mine, peer] = await Promise.all([ours(token), theirs(token)])
  const agreement = 'claims' in mine ? 'both accept' : 'claims' in peer ? mine.code : 'both refuse'
  seen.set(agreement, (seen.get(agreement) ?? 0) + 1)
  if ('claims' in mine) {
    if (!('claims' in peer)) return `only we accept; jose says ${peer.code}`
    expect(mine.claims).toEqual(peer.claims)
    return undefined
  }
  return 'claims' in peer && !Object.hasOwn(STRICTER, mine.code)
    ? `only jose accepts; we say ${mine.code}`
    : undefined
}

describe('jose as the peer (R2, R42, R65)', () => {
  it('agrees on good tokens of both makers, for every algorithm', async () => {
    const tokens = await goodTokens()
    expect(tokens).toHaveLength(2 * 14)
    for (const token of tokens) {
      expect(await ours(token)).toEqual({ claims: CLAIMS })
      expect(await theirs(token)).toEqual({ claims: CLAIMS })
    }
  })

  it(`accepts nothing of ${MUTATIONS} mutations that jose refuses, and is stricter for named reasons only`, async () => {
    const good = await goodTokens()
    const onTheWay = fc.tuple(fc.constantFrom(...good), textChange).map(([token, change]) => change(token))
    const both = fc.tuple(resigned, textChange).map(([token, change]) => change(token))
    const mutation = fc.oneof(
      { weight: 6, arbitrary: resigned },
      { weight: 3, arbitrary: onTheWay },
      { weight: 1, arbitrary: both },
    )
    const seen = new Map<string, number>()
    await fc.assert(
      fc.asyncProperty(mutation, async (token) => {
        expect(await breachOf(token, seen)).toBeUndefined()
      }),
      { numRuns: MUTATIONS, seed: 20_261_124 },
    )
    expect([...seen.values()].reduce((sum, count) => sum + count)).toBe(MUTATIONS)
    expect(seen.get('both accept')).toBeGreaterThan(MUTATIONS / 20)
    expect(seen.get('both refuse')).toBeGreaterThan(MUTATIONS / 20)
    expect(Object.keys(STRICTER).filter((code) => !seen.has(code))).toEqual([])
  })
})
