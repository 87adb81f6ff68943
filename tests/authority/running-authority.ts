import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Authority, type Logger, loadConfig, startAuthority } from 'keyturn'
import pino from 'pino'

/** An authority in this process, on free ports of loopback, with its data in a folder of its own. */
export interface RunningAuthority extends Authority {
  readonly issuer: string
  readonly clientId: string
  readonly secret: string
  readonly dataDir: string
  /** Everything that it logged, at every level. */
  log(): string
  /** Asks the token endpoint. */
  askForToken(form: string | URLSearchParams, headers?: Record<string, string>): Promise<Response>
  /** Asks for a token for a user. */
  askForSubject(body: unknown, authorization?: string): Promise<Response>
  /** What the first client sends as `Authorization`. */
  readonly basic: string
}

/** Starts it with the settings that a test cares about. */
export async function runAuthority(env: Record<string, string> = {}): Promise<RunningAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'keyturn-authority-'))
  const dataDir = join(folder, 'data')
  const lines: string[] = []
  const logger: Logger = pino({ level: 'trace' }, { write: (line: string) => lines.push(line) })
  const issuer = 'http://auth.test'
  const own = {
    KEYTURN_ISSUER: issuer,
    KEYTURN_HTTP_PORT: '0',
    KEYTURN_ADMIN_PORT: '0',
    KEYTURN_DATA_DIR: dataDir,
  }
  const config = loadConfig({
    flags: {},
    env: { KEYTURN_KEYS_ALGORITHM: 'EdDSA', ...own, ...env },
    file: undefined,
  })
  let [clientId, secret] = ['', '']
  const authority = await startAuthority(config, {
    logger,
    handOver: async (first) => {
      clientId = first.client.clientId
      secret = first.secret
    },
  })
  const basic = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`
  return {
    ...authority,
    issuer,
    clientId,
    secret,
    dataDir,
    basic,
    log: () => lines.join(''),
    askForToken: (form, headers = { authorization: basic }) =>
      fetch(`${authority.url}/oauth2/token`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: String(form),
      }),
    askForSubject: (body, authorization = basic) =>
      fetch(`${authority.url}/v1/tokens`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    async close() {
      await authority.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The JSON of an answer, whatever it is. */
export async function jsonOf(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>
}
