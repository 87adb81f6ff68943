import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, keyturn, startAuthority, stopAll } from './end-to-end/processes.ts'

const page = fileURLToPath(new URL('../docs/reference/cli.md', import.meta.url))
const PRIVATE_PEM = {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
} as const
let documented: ReadonlyMap<string, readonly string[]>
let folder: string
/** What each command has printed. */
const printed = new Map<string, Record<string, unknown>>()

beforeAll(async () => {
  documented = membersByCommand(await readFile(page, 'utf8'))
  folder = await mkdtemp(join(tmpdir(), 'keyturn-json-'))
  const env = {
    KEYTURN_DATA_DIR: join(folder, 'data'),
    KEYTURN_HTTP_PORT: String(await freePort()),
    KEYTURN_ADMIN_PORT: '0',
    KEYTURN_KEYS_ALGORITHM: 'ES256',
  }
  const note = async (command: string, ...args: readonly string[]) => {
    const { stdout, stderr } = await keyturn([...command.split(' '), '--json', ...args], env)
    expect(stdout, `${command}: ${stderr}`).toMatch(/^\{.*\}\n$/)
    printed.set(`keyturn ${command}`, JSON.parse(stdout))
    return JSON.parse(stdout)
  }
  const authority = await startAuthority(env)
  const { url, issuer } = authority.ready
  printed.set('keyturn serve', { ...authority.ready })
  await note('config check')
  const { clientId, clientSecret } = await note('clients create', 'shop', '--scope', 'orders:read')
  await note('clients list')
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
  const response = await fetch(`${url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) })
  const { access_token: token } = (await response.json()) as { access_token: string }
  await note('token verify', '--issuer', issuer, '--audience', issuer, token)
  await note('token inspect', token)
  await note('keys list')
  const { activeKid } = await note('keys rotate')
  await note('keys revoke', '--reason', 'test', activeKid)
  const key = join(folder, 'key.pem')
  await writeFile(key, generateKeyPairSync('ec', PRIVATE_PEM).privateKey, { mode: 0o600 })
  await note('keys import', key)
  await note('keys root', '--create', '--root-key-file', join(folder, 'root.jwk'))
  await note('clients rotate-secret', clientId)
  await note('clients delete', clientId)
  const backup = join(folder, 'ring.json')
  await note('audit list')
  await note('audit verify')
  await note('keys backup', backup)
  await note('keys verify', backup)
  await authority.stop()
  await rm(join(folder, 'data/keys'), { recursive: true })
  await note('keys restore', backup)
  const kek = randomBytes(32).toString('base64')
  Object.assign(env, { KEYTURN_KEYS_ENCRYPTION_KEY: kek })
  await note('keys rewrap')
})
afterAll(async () => {
  await stopAll()
  await rm(folder, { recursive: true, force: true })
})

/** The rows of the table below each heading of the reference. */
function membersByCommand(markdown: string): ReadonlyMap<string, readonly string[]> {
  const sections = markdown.split(/^## /m).slice(1)
  return new Map(
    sections.map((section) => [
      section.split('\n', 1)[0] ?? '',
      [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name = '']) => name),
    ]),
  )
}

/** Members down to where the reference stops: what it names without naming anything inside is one member. */
function placesIn(value: unknown, known: readonly string[], place = ''): readonly string[] {
  if (place !== '' && known.some((name) => name.replace('?', '') === place)) return [place]
  if (Array.isArray(value)) return value.flatMap((item) => placesIn(item, known, `${place}[]`))
  if (typeof value !== 'object' || value === null) return [place]
  return Object.entries(value).flatMap(([name, member]) =>
    placesIn(member, known, place === '' ? name : `${place}.${name}`),
  )
}

describe('JSON of the command line (R57, R66)', () => {
  it('is documented for every command, and tried here', () => {
    expect([...printed.keys()].sort()).toEqual([...documented.keys()].sort())
  })

  it('has the members that the reference names, and no others', () => {
    for (const [command, data] of printed) {
      const members = documented.get(command) ?? []
      const places = new Set(placesIn(data, members))
      const known = members.map((name) => name.replace('?', ''))
      expect(
        [...places].filter((place) => !known.includes(place)),
        command,
      ).toEqual([])
      expect(
        members.filter((name) => !name.endsWith('?') && !places.has(name)),
        command,
      ).toEqual([])
    }
  })
})
