import { fakeClock, testIssuer } from '@keyturn/testing'
import { generate } from 'selfsigned'
import { describe, expect, it } from 'vitest'
import { createVerifier } from './verifier.ts'
import type { VerifierOptions } from './verifier-options.ts'

const required = { issuer: 'https://auth.example', audience: 'orders' }
const refusal = (options: object) => {
  try {
    createVerifier({ ...required, ...options })
  } catch (error) {
    return error
  }
  return undefined
}

describe('options of a verifier (R34)', () => {
  it.each([
    ['jwksURL', 'jwksUrl'],
    ['algorithm', 'algorithms'],
    ['Audience', 'audience'],
    ['clockToleranceSecond', 'clockToleranceSeconds'],
    ['maxAgeSecs', undefined],
    ['toString', undefined],
    ['clockTolerance', undefined],
  ])('have no %s, which may be meant for %s and would not be heeded', (name, meant) => {
    expect(refusal({ [name]: undefined })).toMatchObject({
      code: 'verifier_options_invalid',
      message: `"${name}" is no option of a verifier`,
      remedy: meant === undefined ? 'leave it out' : `did you mean ${meant}?`,
    })
  })

  it.each([
    [
      'string',
      ['jwksUrl', 'snapshotFile', 'snapshotSecret', 'ca', 'clientCert', 'clientKey'],
      [5, {}, ['x'], true],
    ],
    [
      'number',
      [
        ...[
          'minCacheSeconds',
          'maxCacheSeconds',
          'defaultCacheSeconds',
          'staleIfErrorSeconds',
          'timeoutSeconds',
        ],
        ...['connectTimeoutSeconds', 'headersTimeoutSeconds', 'bodyTimeoutSeconds', 'tokenCacheSize'],
      ],
      ['60', 60n, {}, true],
    ],
    ['boolean', ['allowForeignKids', 'unsafeAllowHttp'], ['yes', 1, {}]],
    ['function', ['onEvent', 'fetch', 'random'], ['x', 5, {}, true]],
    ['object', ['pinnedKeys', 'rootKeys', 'clock'], ['x', 5, true, Date.now]],
    ['strings', ['pinnedThumbprints', 'spkiPins'], ['x', {}, [5], ['x', null], new Set(['x'])]],
  ] as [string, string[], unknown[]][])(
    'are of their own type: a value of type %s',
    (type, names, others) => {
      for (const name of names) {
        for (const value of [...others, ...(name === 'jwksUrl' ? [] : [null])]) {
          expect(refusal({ [name]: value }), name).toMatchObject({
            code: 'verifier_options_invalid',
            message: `${name}: expected a value of type ${type}`,
          })
        }
      }
    },
  )

  it.each(['minCacheSeconds', 'timeoutSeconds', 'connectTimeoutSeconds'])(
    'have no %s that is no number',
    (name) => {
      expect(refusal({ [name]: Number.NaN })).toMatchObject({
        message: `${name}: expected a number of seconds, more than 0`,
      })
    },
  )

  it('may all be given at once', async () => {
    const { private: clientKey, cert } = await generate([{ name: 'commonName', value: 'orders' }], {
      keyType: 'ec',
    })
    const { keys } = (await testIssuer()).jwks()
    const all: Required<VerifierOptions> = {
      ...required,
      algorithms: ['EdDSA'],
      typ: 'at+jwt',
      requiredClaims: [],
      clockToleranceSeconds: 1,
      maxAgeSeconds: 600,
      maxLifetimeSeconds: 600,
      maxTokenLength: 8192,
      check: () => true,
      jwksUrl: 'https://keys.example/jwks',
      pinnedKeys: { keys },
      rootKeys: { keys },
      pinnedThumbprints: keys.map(({ kid }) => kid),
      snapshotFile: 'snapshot.json',
      snapshotSecret: 'a secret of this service, 32 or more',
      minCacheSeconds: 1,
      maxCacheSeconds: 2,
      defaultCacheSeconds: 0,
      staleIfErrorSeconds: 0,
      timeoutSeconds: 1,
      connectTimeoutSeconds: 1,
      headersTimeoutSeconds: 1,
      bodyTimeoutSeconds: 1,
      ca: cert,
      clientCert: cert,
      clientKey,
      spkiPins: [`sha256/${'A'.repeat(43)}=`],
      allowForeignKids: false,
      unsafeAllowHttp: false,
      tokenCacheSize: 2,
      onEvent: () => {},
      clock: fakeClock(),
      fetch: async () => ({ status: 304, etag: undefined, cacheControl: undefined, age: undefined }),
      random: () => 0,
    }
    expect(refusal(all)).toBeUndefined()
    const { fetch, ...others } = all
    expect(refusal(others)).toBeUndefined()
  })

  it('have no check that is no function, which would fail at each token', () => {
    expect(refusal({ check: 'x' })).toMatchObject({ code: 'expectations_invalid' })
  })

  it('may be left undefined', () => {
    expect(refusal({ jwksUrl: undefined, onEvent: undefined, check: undefined })).toBeUndefined()
  })
})
