import { KeyturnError } from '@keyturn/core'
import { Command } from 'commander'
import { clientAudit } from '../audit/client-audit.ts'
import { actorOf } from '../audit/key-audit.ts'
import { ClientRegistry, type NewClient } from '../service/client-registry.ts'
import { rfc3339 } from '../service/rfc3339.ts'
import { SqliteState } from '../state/sqlite-state.ts'
import { nameOf } from './command-name.ts'
import { print, printSecret, say, table } from './output.ts'
import { configOf, withSettings } from './setting-flags.ts'

const SHOWN_ONCE = 'the secret is not shown again'

/** `keyturn clients`: programs that may ask for tokens. */
export function clientsCommands(): Command {
  const clients = new Command('clients').description('programs that may ask for tokens')
  clients.addCommand(createCommand())
  clients.addCommand(listCommand())
  clients.addCommand(rotateSecretCommand())
  clients.addCommand(deleteCommand())
  return clients
}

function createCommand(): Command {
  return withSettings(new Command('create'), 'data-folder')
    .argument('<name>', 'label for operators')
    .option('--scope <scope>', 'a scope that the client may have; repeatable', collect, [])
    .description('register a client; its secret is printed once and kept only as a hash')
    .action(async (name: string, { scope }: { scope: string[] }, command: Command) => {
      await visit(command, async (registry) => {
        await registry.create(name, scope.flatMap(scopesOf), async (client) => handOver(command, client))
        say(SHOWN_ONCE)
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

function rotateSecretCommand(): Command {
  return withSettings(new Command('rotate-secret'), 'data-folder')
    .argument('<client-id>', 'client that gets another secret; see: keyturn clients list')
    .description('replace the secret of a client; the one before is refused at once')
    .action(async (clientId: string, _options: unknown, command: Command) => {
      await visit(command, async (registry) => {
        await registry.rotateSecret(clientId, async (client) => handOver(command, client))
        say(SHOWN_ONCE)
        say('tokens that it got before stay good until they end')
      })
    })
}

function deleteCommand(): Command {
  return withSettings(new Command('delete'), 'data-folder')
    .argument('<client-id>', 'client to remove; see: keyturn clients list')
    .description('remove a client; the authority refuses it, and every token of its own, at once')
    .action(async (clientId: string, _options: unknown, command: Command) => {
      await visit(command, async (registry) => {
        const { name } = await registry.delete(clientId)
        print(command, { clientId }, `${clientId} (${name}) is removed`)
        say('services take tokens that it got, for itself or for users, until they end')
      })
    })
}

function handOver(command: Command, { client: { clientId }, secret }: NewClient): void {
  const text = `client id      ${clientId}\nclient secret  ${secret}`
  printSecret(command, { clientId, clientSecret: secret }, text)
}

async function visit(command: Command, action: (registry: ClientRegistry) => Promise<void>): Promise<void> {
  const state = await SqliteState.open({ dataDir: configOf(command).dataDir, mayCreate: false })
  try {
    const audit = clientAudit(state, actorOf(nameOf(command)))
    await action(new ClientRegistry({ store: state, now: Date.now, audit }))
  } finally {
    await state.close()
  }
}

/** RFC 6749 allows a scope with a comma; who types one means a list. */
function scopesOf(text: string): readonly string[] {
  if (!text.includes(',')) return text.split(' ')
  throw new KeyturnError('client_invalid', 'expected scopes without commas')
}

function collect(value: string, earlier: string[]): string[] {
  return [...earlier, value]
}
