import { Command } from 'commander'
import type { NewClient } from '../service/client-registry.ts'
import { bootstrapFileOf, writeBootstrapFile } from './bootstrap-file.ts'
import { print } from './output.ts'
import { configOf, withSettings } from './setting-flags.ts'
import { welcome } from './welcome.ts'

const LONGEST_STOP_MS = 8000

/** `keyturn serve`: runs the authority until it is told to stop. */
export function serveCommand(): Command {
  return withSettings(new Command('serve'), 'all')
    .option('--init', 'create a ring and a state even where something of an installation is left')
    .description('run the authority')
    .action(async ({ init, json }: { init?: boolean; json?: boolean }, command: Command) => {
      const config = configOf(command)
      // what only a server needs; no other command waits for it
      const [{ startAuthority }, { createLogger }] = await Promise.all([
        import('../main.ts'),
        import('../telemetry/logger.ts'),
      ])
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
        welcome(config, { url, adminUrl, first, bootstrapFile }),
      )
      await toldToStop
      logger.info({}, 'stopping')
      // a disk that hangs must not keep a process that was told to stop; exit() would wait for the threads that hang with it
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), LONGEST_STOP_MS).unref()
      await authority.close()
    })
}

async function untilToldToStop(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve())
  })
}
