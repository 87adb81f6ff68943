import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import type { AuthorityConfig } from '../config/load-config.ts'
import { type Authority, startAuthority } from '../main.ts'
import { createLogger } from '../telemetry/logger.ts'
import { print } from './output.ts'
import { configOf, withSettings } from './setting-flags.ts'

const LONGEST_STOP_MS = 8000
const BOOTSTRAP_FILE = 'bootstrap-client.json'

/** `keyturn serve`: runs the authority until it is told to stop. */
export function serveCommand(): Command {
  return withSettings(new Command('serve'), 'all')
    .option('--init', 'create a ring and a state even where something of an installation is left')
    .description('run the authority')
    .action(async ({ init, json }: { init?: boolean; json?: boolean }, command: Command) => {
      const config = configOf(command)
      const logger = createLogger(config.logLevel)
      const authority = await startAuthority(config, { logger, initialize: init === true })
      const bootstrap = await handOverBootstrapClient(
        authority,
        config,
        process.stdout.isTTY && json !== true,
      )
      const { url, adminUrl } = authority
      print(
        command,
        { url, adminUrl, issuer: config.issuer, pid: process.pid, ...bootstrap.data },
        welcome(config, authority, bootstrap.lines),
      )
      await untilToldToStop()
      logger.info({}, 'stopping')
      // a disk that hangs must not keep a process that was told to stop; exit() would wait for the threads that hang with it
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), LONGEST_STOP_MS).unref()
      await authority.close()
    })
}

interface Bootstrap {
  readonly data: object
  readonly lines: readonly string[]
}

/** The first client's secret is shown on a terminal; where nobody looks it goes to a file that only the owner can read. */
async function handOverBootstrapClient(
  authority: Authority,
  config: AuthorityConfig,
  toPerson: boolean,
): Promise<Bootstrap> {
  const file = join(config.dataDir, BOOTSTRAP_FILE)
  const endpoint = `${authority.url}/oauth2/token`
  if (authority.bootstrapClient === undefined) return { data: {}, lines: [] }
  const { client, secret } = authority.bootstrapClient
  const { clientId } = client
  if (toPerson) {
    const command = `curl -u ${clientId}:${secret} -d grant_type=client_credentials ${endpoint}`
    return {
      data: { clientId },
      lines: ['a first client was made; its secret is shown only now:', '', `  ${command}`],
    }
  }
  await writePrivately(file, `${JSON.stringify({ clientId, clientSecret: secret })}\n`)
  return {
    data: { clientId, bootstrapFile: file },
    lines: [`a first client was made; its id and secret are in ${file}`],
  }
}

async function writePrivately(path: string, text: string): Promise<void> {
  const { O_CREAT, O_TRUNC, O_WRONLY, O_NOFOLLOW } = constants
  const file = await open(path, O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW, 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

function welcome(
  config: AuthorityConfig,
  { url, adminUrl }: Authority,
  bootstrap: readonly string[],
): string {
  return [
    `keyturn serves ${config.issuer}`,
    `  keys     ${url}/.well-known/jwks.json`,
    `  tokens   ${url}/oauth2/token`,
    `  metrics  ${adminUrl}/metrics`,
    `  data     ${config.store === 'file' ? config.dataDir : `${config.dataDir}, but the keys are in memory only`}`,
    '',
    ...(bootstrap.length > 0
      ? bootstrap
      : ['make a client with: npx keyturn clients create NAME --scope SCOPE']),
    '',
    'see and turn the keys with: npx keyturn keys list, npx keyturn keys rotate',
    '',
  ].join('\n')
}

async function untilToldToStop(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve())
  })
}
