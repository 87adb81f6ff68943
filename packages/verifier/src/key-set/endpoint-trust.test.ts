import { createHash, X509Certificate } from 'node:crypto'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { generate } from 'selfsigned'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type EndpointTrust, tlsOptions } from './endpoint-trust.ts'
import { httpFetch } from './http-fetch.ts'
import { plainFormat } from './key-set-format.ts'

type Issued = Awaited<ReturnType<typeof generate>>

const EC = { keyType: 'ec', algorithm: 'sha256' } as const
const named = (value: string) => [{ name: 'commonName', value }]
const authority = (name: string) =>
  generate(named(name), {
    ...EC,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true },
    ],
  })
const issued = (name: string, { private: key, cert }: Issued) =>
  generate(named(name), { ...EC, ca: { key, cert } })
const pinOf = ({ cert }: Issued) => {
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return `sha256/${createHash('sha256').update(spki).digest('base64')}`
}

let root: Issued
let stranger: Issued
let server: Issued
let client: Issued
beforeAll(async () => {
  root = await authority('root')
  stranger = await authority('stranger')
  server = await issued('localhost', root)
  client = await issued('orders', root)
})

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
  vi.unstubAllEnvs()
})

/** Fetches from an HTTPS endpoint that counts who gets as far as asking. */
async function fetchFrom(options: ServerOptions, trust: EndpointTrust) {
  let questions = 0
  const https = createServer({ key: server.private, cert: server.cert, ...options }, (_, response) => {
    questions++
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  closers.push(() => {
    https.closeAllConnections()
    https.close()
  })
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve))
  const url = new URL(`https://localhost:${(https.address() as AddressInfo).port}/jwks.json`)
  const times = { connectMs: 5000, headersMs: 5000, bodyMs: 5000 }
  const fetch = httpFetch({ url, format: plainFormat({}), ...times, ca: root.cert, ...trust })
  const outcome = await fetch({ etag: undefined, signal: AbortSignal.timeout(10_000) }).then(
    ({ status }) => status,
    ({ code }) => code,
  )
  return { outcome, questions }
}

describe('whom a verifier has its keys from (R39)', () => {
  it('is an endpoint that the CA has signed for, and no other', async () => {
    expect(await fetchFrom({}, {})).toEqual({ outcome: 200, questions: 1 })
    expect(await fetchFrom({}, { ca: stranger.cert })).toEqual({ outcome: 'fetch_network', questions: 0 })
  })

  it('is an endpoint whose public key is pinned, its own or that of an authority above', async () => {
    for (const one of [server, root]) {
      expect(await fetchFrom({}, { spkiPins: [pinOf(stranger), pinOf(one)] })).toMatchObject({ outcome: 200 })
    }
  })

  it('is no other one where the environment lets any certificate pass', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    expect(await fetchFrom({}, { ca: stranger.cert })).toEqual({ outcome: 'fetch_network', questions: 0 })
    const spkiPins = [pinOf(client)]
    expect(await fetchFrom({}, { spkiPins })).toEqual({ outcome: 'fetch_pin_mismatch', questions: 0 })
  })

  it('is no other one, though the CA has signed for it, and it is not even asked', async () => {
    const spkiPins = [pinOf(stranger), pinOf(client)]
    expect(await fetchFrom({}, { spkiPins })).toEqual({ outcome: 'fetch_pin_mismatch', questions: 0 })
  })

  it('is not one that shows a certificate of a pinned key which has signed nothing in its chain', async () => {
    const decoy = await authority('root')
    const cert = `${server.cert}\n${decoy.cert}`
    expect(await fetchFrom({ cert }, { spkiPins: [pinOf(decoy)] })).toEqual({
      outcome: 'fetch_pin_mismatch',
      questions: 0,
    })
  })

  it('is not one of a pinned key under a name that is not its own', async () => {
    const other = await issued('elsewhere.example', root)
    const options = { key: other.private, cert: other.cert }
    expect(await fetchFrom(options, { spkiPins: [pinOf(other)] })).toEqual({
      outcome: 'fetch_network',
      questions: 0,
    })
  })

  it('is one that wants to know its clients, too', async () => {
    const wary = { requestCert: true, rejectUnauthorized: true, ca: root.cert }
    expect(await fetchFrom(wary, {})).toEqual({ outcome: 'fetch_network', questions: 0 })
    const known = { cert: client.cert, key: client.private }
    expect(await fetchFrom(wary, known)).toEqual({ outcome: 200, questions: 1 })
    const impostor = await issued('orders', stranger)
    expect((await fetchFrom(wary, { cert: impostor.cert, key: impostor.private })).questions).toBe(0)
  })
})

describe('what a verifier is told of its endpoint (R39)', () => {
  const https = new URL('https://auth.example/jwks.json')
  const refused = (option: string, expected: string) =>
    expect.objectContaining({ code: 'verifier_options_invalid', message: `${option}: expected ${expected}` })
  const check = () => undefined
  const PIN = `sha256/${'A'.repeat(43)}=`

  it.each<[string, EndpointTrust, string]>([
    ['ca', { ca: 'no certificate' }, 'a certificate in PEM'],
    ['clientCert', { cert: 'no certificate' }, 'a certificate in PEM'],
    ['clientKey', { key: 'no key' }, 'a private key in PEM'],
  ])('is refused where it is no %s', (option, trust, expected) => {
    expect(() => tlsOptions(trust, https)).toThrow(refused(option, expected))
  })

  it.each([
    [[]],
    [['sha256/short=']],
    [[`sha1/${'A'.repeat(43)}=`]],
    [[PIN, `x${PIN}`]],
    [[`${PIN}=`]],
    [[`sha256/${'A'.repeat(43)}`]],
    [[`sha256/${'A'.repeat(42)}-=`]],
    [[`sha256/${'A'.repeat(42)}\n=`]],
  ])('is refused where it is no pin: %j', (spkiPins) => {
    expect(() => tlsOptions({ spkiPins }, https)).toThrow(
      refused('spkiPins', 'sha256/ and base64, for one at least'),
    )
  })

  it.each([
    ['ca', () => ({ ca: root.cert })],
    ['clientCert', () => ({ cert: client.cert, key: client.private })],
    ['clientKey', () => ({ key: client.private })],
    ['spkiPins', () => ({ spkiPins: [pinOf(server)] })],
  ])('is refused beside plain http, where %s would mean nothing', (option, trust) => {
    expect(() => tlsOptions(trust(), new URL('http://localhost/jwks.json'))).toThrow(
      refused(option, 'an https URL beside it'),
    )
  })

  it('is what TLS is told, and no more', () => {
    expect(tlsOptions({}, https)(check)).toEqual({ rejectUnauthorized: true })
    const spkiPins = [PIN, `sha256/+/09az${'Z'.repeat(37)}=`]
    const known = { ca: root.cert, cert: client.cert, key: client.private }
    const pinned = { checkServerIdentity: expect.any(Function) }
    expect(tlsOptions({ ...known, spkiPins }, https)(check)).toEqual({
      rejectUnauthorized: true,
      ...known,
      ...pinned,
    })
    expect(tlsOptions({}, new URL('http://localhost/jwks.json'))(check)).toEqual({})
  })

  it('says nothing of a key that cannot be read', () => {
    const text = `${root.private.slice(0, 60)}zzsecretzz`
    expect(() => tlsOptions({ key: text }, https)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('zz') }),
    )
  })
})
