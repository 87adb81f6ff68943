import { availableAlgorithms } from '@keyturn/core'
import { createVerifier } from '@keyturn/verifier'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import { jsonOf, type RunningAuthority, runAuthority } from './running-authority.ts'

let authority: RunningAuthority | undefined
afterEach(() => authority?.close())

describe('an authority for every algorithm (R2, R24)', () => {
  it.each(availableAlgorithms())(
    'signs with %s, and services take it without a setting',
    async (algorithm) => {
      authority = await runAuthority({ KEYTURN_KEYS_ALGORITHM: algorithm })
      const { issuer, url, clientId } = authority
      const answer = await authority.askForToken('grant_type=client_credentials')
      const jwt = String((await jsonOf(answer)).access_token)
      const jwksUrl = `${url}/.well-known/jwks.json`
      const verifier = createVerifier({ issuer, audience: issuer, jwksUrl })
      try {
        const token = await verifier.verify(jwt)
        expect(token.header.alg).toBe(algorithm)
        expect(verifier.session(token)).toMatchObject({ kind: 'client', clientId })
      } finally {
        verifier.close()
      }
      const set = createLocalJWKSet((await (await fetch(jwksUrl)).json()) as JSONWebKeySet)
      const { protectedHeader } = await jwtVerify(jwt, set, { issuer, audience: issuer, typ: 'at+jwt' })
      expect(protectedHeader.alg).toBe(algorithm)
      for (const key of set.jwks().keys)
        for (const member of ['d', 'priv']) expect(key).not.toHaveProperty(member)
    },
  )

  it.each(availableAlgorithms().filter((name) => name.startsWith('ML-DSA')))(
    'makes no token with %s that is too long for services',
    async (algorithm) => {
      authority = await runAuthority({ KEYTURN_KEYS_ALGORITHM: algorithm })
      const ask = async (bytes: number) =>
        await authority?.askForSubject({ subject: 'u', claims: { note: 'x'.repeat(bytes) } })
      expect((await ask(500))?.status).toBe(201)
      const refused = (await ask(4000)) as Response
      expect([refused.status, (await jsonOf(refused)).code]).toEqual([400, 'claims_refused'])
    },
  )
})
