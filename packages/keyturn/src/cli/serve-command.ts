import { Command } from 'commander'
import type { AuthorityConfig } from '../config/load-config.ts'
import { type Authority, startAuthority } from '../main.ts'
import type { NewClient } from '../service/client-registry.ts'
import { createLogger } from '../telemetry/logger.ts'
import { bootstrapFileOf, writeBootstrapFile } from './bootstrap-file.ts'
import { print } from './output.ts'
import { configOf, withSettings } from './setting-flags.ts'

const KEYS_ELSEWHERE = Object.freeze({
  file: '',
  memory: ', but the keys are in memory only',
  postgres: ', and the keys in PostgreSQL',
})
const LONGEST_STOP_MS = 8000
const HINT = ['make a client with: npx keyturn clients create NAME --scope SCOPE']

/** `keyturn serve`: runs the authority until it is told to stop. */
export function serveCommand(): Command {
  return withSettings(new Command('serve'), 'all')
    .option('--init', 'create a ring and a state even where something of an installation is left')
    .description('run the authority')
    .action(async ({ init, json }: { init?: boolean; json?: boolean }, command: Command) => {
      const config = configOf(command)
      const logger = createLogger(config.logLevel)
      const bootstrapFile =
        process.stdout.isTTY && json !== true ? undefined : bootstrapFileOf(config.dataDir)
      // before anybody can know that it serves, so that nobody's signal comes too early
      const toldToStop = untilToldToStop()
      let first: NewClient | undefined
      const authority = await startAuthority(config, {
        logger,
        initialize: init === true,
        handOver: async (client) => {
          if (bootstrapFile !== undefined) await writeBootstrapFile(bootstrapFile, client)
          first = client
        },
      })
      const { url, adminUrl } = authority
      const clientId = first?.client.clientId
      print(
        command,
        {
          url,
          adminUrl,
          issuer: config.issuer,
          pid: process.pid,
          ...(clientId !== undefined && { clientId, bootstrapFile }),
        },
        welcome(config, authority, first === undefined ? HINT : introduce(first, url, bootstrapFile)),
      )
      await toldToStop
      logger.info({}, 'stopping')
      // a disk that hangs must not keep a process that was told to stop; exit() would wait for the threads that hang with it
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), LONGEST_STOP_MS).unref()
      await authority.close()
    })
}

/** The first client's secret is shown on a terminal; where nobody looks it is in a file that only the owner can read. */
function introduce({ client, secret }: NewClient, url: string, file: string | undefined): readonly string[] {
  if (file !== undefined) return [`a first client was made; its id and secret are in ${file}`]
  const command = `curl -u ${client.clientId}:${secret} -d grant_type=client_credentials ${url}/oauth2/token`
  return ['a first client was made; its secret is shown only now:', '', `  ${command}`]
}

function welcome(config: AuthorityConfig, { url, adminUrl }: Authority, client: readonly string[]): string {
  return [
    `keyturn serves ${config.issuer}`,
    `  keys     ${url}/.well-known/jwks.json`,
    ...(config.root === undefined ? [] : [`  signed   ${url}/.well-known/jwks.jwt`]),
    `  tokens   ${url}/oauth2/token`,
    `  metrics  ${adminUrl}/metrics`,
    `  data     ${config.dataDir}${KEYS_ELSEWHERE[config.store]}`,
    '',
    ...client,
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
