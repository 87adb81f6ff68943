import { DEFAULT_POLICY, KeyManager, MemoryKeyStore } from '@keyturn/keyring'
import { BackupFolder } from './backup-folder.ts'

// Writes backups into a folder until it is killed. Says on stdout of which ring, before the first.

const [path = ''] = process.argv.slice(2)
const policy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' } as const
const keys = await KeyManager.open({ store: new MemoryKeyStore(), policy })
const folder = new BackupFolder(path, { dataDir: path })
await folder.look(keys.ring().ringId)
process.stdout.write(`${keys.ring().ringId}\n`)
for (let now = Date.now(); ; now += 1000) await folder.write(keys.ring(), now)
