import { isLoopback, KEY_SET_PATHS } from '@keyturn/core'
import type { AuthorityConfig } from '../config/load-config.ts'
import type { NewClient } from '../service/client-registry.ts'

/** An authority that has started. */
export interface Started {
  readonly url: string
  readonly adminUrl: string
  /** Where one was made. */
  readonly first: NewClient | undefined
  /** Where its secret is, if it is not to be shown. */
  readonly bootstrapFile: string | undefined
}

const KEYS_ELSEWHERE = Object.freeze({
  file: '',
  memory: ', but the keys are in memory only',
  postgres: ', and the keys in PostgreSQL',
})
const HINT = ['make a client with: npx keyturn clients create NAME --scope SCOPE']

/** What a person is told who has started an authority: where everything is, and what to try next. */
export function welcome(
  config: Pick<AuthorityConfig, 'issuer' | 'root' | 'dataDir' | 'store'>,
  { first, bootstrapFile, ...started }: Started,
): string {
  const [url, adminUrl] = [started.url, started.adminUrl].map((it) => inNameOf(config.issuer, it))
  return [
    `keyturn serves ${config.issuer}`,
    `  keys     ${url}${KEY_SET_PATHS.plain}`,
    ...(config.root === undefined ? [] : [`  signed   ${url}${KEY_SET_PATHS.signed}`]),
    `  tokens   ${url}/oauth2/token`,
    `  metrics  ${adminUrl}/metrics`,
    `  data     ${config.dataDir}${KEYS_ELSEWHERE[config.store]}`,
    '',
    ...(first === undefined ? HINT : introduce(first, `${url}/oauth2/token`, bootstrapFile)),
    '',
    'see and turn the keys with: npx keyturn keys list, npx keyturn keys rotate',
    '',
  ].join('\n')
}

/** One name for this machine: where the issuer calls it localhost, so do we. */
function inNameOf(issuer: string, listener: string): string {
  const url = new URL(listener)
  const isLocal = URL.canParse(issuer) && new URL(issuer).hostname === 'localhost'
  if (isLocal && isLoopback(url.hostname)) url.hostname = 'localhost'
  return url.origin
}

/** The first client's secret is shown on a terminal; where nobody looks it is in a file that only the owner can read. */
function introduce(
  { client, secret }: NewClient,
  tokenUrl: string,
  file: string | undefined,
): readonly string[] {
  if (file !== undefined) return [`a first client was made; its id and secret are in ${file}`]
  const command = `curl -u ${client.clientId}:${secret} -d grant_type=client_credentials ${tokenUrl}`
  return ['a first client was made; its secret is shown only now:', '', `  ${command}`]
}
