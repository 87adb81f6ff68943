import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KeyturnError } from '@keyturn/core'
import { codeOf } from '@keyturn/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { loadConfig } from './config/load-config.ts'
import { startAuthority } from './main.ts'
import { SqliteState } from './state/sqlite-state.ts'
import { createLogger } from './telemetry/logger.ts'

let folder: string
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

describe('a start that fails (R53)', () => {
  it('says why, also where what was opened cannot be closed', async () => {
    folder = await mkdtemp(join(tmpdir(), 'keyturn-start-'))
    const close = SqliteState.prototype.close
    vi.spyOn(SqliteState.prototype, 'close').mockImplementation(async function (this: SqliteState) {
      await close.call(this)
      throw new KeyturnError('state_failed', 'the disk is gone')
    })
    const env = {
      KEYTURN_DATA_DIR: folder,
      KEYTURN_ISSUER: 'a',
      KEYTURN_HTTP_PORT: '0',
      KEYTURN_ADMIN_PORT: '0',
    }
    const config = loadConfig({ flags: { keysAlgorithm: 'EdDSA' }, env, file: undefined })
    const handOver = () => Promise.reject(new KeyturnError('bootstrap_failed', 'nowhere to go'))
    expect(await codeOf(startAuthority(config, { logger: createLogger('silent'), handOver }))).toBe(
      'bootstrap_failed',
    )
  })
})
