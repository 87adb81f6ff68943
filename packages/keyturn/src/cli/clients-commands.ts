import { Command } from 'commander'
import { ClientRegistry } from '../service/client-registry.ts'
import { SqliteState } from '../state/sqlite-state.ts'
import { print, rfc3339, say, table } from './output.ts'
import { configOf, withSettings } from './setting-flags.ts'

/** `keyturn clients`: programs that may ask for tokens. */
export function clientsCommands(): Command {
  const clients = new Command('clients').description('programs that may ask for tokens')
  clients.addCommand(createCommand())
  clients.addCommand(listCommand())
  return clients
}

function createCommand(): Command {
  return withSettings(new Command('create'), 'data-folder')
    .argument('<name>', 'label for operators')
    .option('--scope <scope>', 'a scope that the client may have; repeatable', collect, [])
    .description('register a client; its secret is printed once and kept only as a hash')
    .action(async (name: string, { scope }: { scope: string[] }, command: Command) => {
      await visit(command, async (registry) => {
        const { client, secret } = await registry.create(
          name,
          scope.flatMap((one) => one.split(' ')),
        )
        const { clientId } = client
        print(
          command,
          { clientId, clientSecret: secret },
          `client id      ${clientId}\nclient secret  ${secret}`,
        )
        say('the secret is not shown again')
      })
    })
}

function listCommand(): Command {
  return withSettings(new Command('list'), 'data-folder')
    .description('show every client')
    .action(async (_options: unknown, command: Command) => {
      await visit(command, async (registry) => {
        const clients = (await registry.list()).map((client) => ({
          ...client,
          createdAt: rfc3339(client.createdAt),
        }))
        const rows = clients.map(({ clientId, name, scopes, createdAt }) => [
          clientId,
          name,
          scopes.join(' '),
          createdAt,
        ])
        print(command, { clients }, table([['CLIENT ID', 'NAME', 'SCOPES', 'CREATED'], ...rows]))
      })
    })
}

async function visit(command: Command, action: (registry: ClientRegistry) => Promise<void>): Promise<void> {
  const state = await SqliteState.open({ dataDir: configOf(command).dataDir, mayCreate: false })
  try {
    await action(new ClientRegistry(state, Date.now))
  } finally {
    await state.close()
  }
}

function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value]
}
