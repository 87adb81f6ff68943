import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createVerifier, type Verifier } from '@keyturn/verifier'
import { compactVerify, importJWK } from 'jose'
import { createRootKey } from 'keyturn'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { jsonOf, type RunningAuthority, runAuthority } from './running-authority.ts'

const PATH = '/.well-known/jwks.jwt'
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-root-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let authority: RunningAuthority | undefined
const verifiers: Verifier[] = []
afterEach(async () => {
  for (const verifier of verifiers.splice(0)) verifier.close()
  await authority?.close()
})

async function start() {
  const file = join(folder, `${crypto.randomUUID()}.jwk`)
  const root = await createRootKey(file, 'EdDSA')
  authority = await runAuthority({ KEYTURN_ROOT_KEY_FILE: file })
  return { authority, root, ask: (init?: RequestInit) => fetch(authority?.url + PATH, init) }
}

describe('the signed key set over HTTP (R30)', () => {
  it('is the plain one under the root key, by another library too, and has the same caching', async () => {
    const { authority, root, ask } = await start()
    const response = await ask()
    const plain = await fetch(`${authority.url}/.well-known/jwks.json`)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/jwk-set+jwt',
      'cache-control': plain.headers.get('cache-control'),
      'access-control-allow-origin': '*',
    })
    const key = await importJWK({ ...root.publicJwk })
    const { payload, protectedHeader } = await compactVerify(await response.text(), key)
    expect(protectedHeader).toEqual({ alg: 'EdDSA', kid: root.kid, typ: 'jwk-set+jwt' })
    const { iss, sub, iat, exp, ...set } = JSON.parse(Buffer.from(payload).toString())
    expect(set).toEqual(await plain.json())
    expect([iss, sub, exp - iat]).toEqual([authority.issuer, authority.issuer, 4 * 3600])
  })

  it('is not sent again to who holds it, and has a tag of its own', async () => {
    const { authority, ask } = await start()
    const etag = (await ask()).headers.get('etag') ?? ''
    expect((await ask({ headers: { 'if-none-match': etag } })).status).toBe(304)
    const plain = await fetch(`${authority.url}/.well-known/jwks.json`, {
      headers: { 'if-none-match': etag },
    })
    expect(plain.status).toBe(200)
    expect((await ask({ method: 'HEAD' })).headers.get('etag')).toBe(etag)
  })

  it('is what a service with the pinned root goes by, and nothing else (R39)', async () => {
    const { authority, root } = await start()
    const { issuer, url } = authority
    const open = (path: string) => {
      const rootKeys = { keys: [root.publicJwk] }
      const verifier = createVerifier({ issuer, audience: issuer, rootKeys, jwksUrl: `${url}${path}` })
      verifiers.push(verifier)
      return verifier
    }
    const answer = await authority.askForToken('grant_type=client_credentials')
    const jwt = String((await jsonOf(answer)).access_token)
    const signed = open(PATH)
    expect((await signed.verify(jwt)).claims.iss).toBe(issuer)
    expect(signed.health()).toMatchObject({ status: 'fresh', rootKid: root.kid })
    const plain = open('/.well-known/jwks.json')
    await expect(plain.verify(jwt)).rejects.toMatchObject({ code: 'keys_unavailable' })
    expect(plain.health().lastError).toBe('fetch_media_type')
  })

  it('is told of in the metadata', async () => {
    const { authority } = await start()
    const metadata = await fetch(`${authority.url}/.well-known/oauth-authorization-server`)
    expect(await metadata.json()).toMatchObject({ signed_jwks_uri: `http://auth.test${PATH}` })
  })

  it('does not exist without a root key', async () => {
    authority = await runAuthority()
    const response = await fetch(authority.url + PATH)
    expect([response.status, (await jsonOf(response)).code]).toEqual([404, 'root_key_missing'])
  })

  it('keeps an authority from starting whose root key cannot be had, before anything is made', async () => {
    const missing = runAuthority({ KEYTURN_ROOT_KEY_FILE: join(folder, 'none.jwk') })
    await expect(missing).rejects.toMatchObject({ code: 'root_key_unreadable' })
  })
})
