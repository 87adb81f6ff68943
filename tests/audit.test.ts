import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort, keyturn, startAuthority, stopAll } from './end-to-end/processes.ts'

let folder: string
let env: Record<string, string>
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyturn-audit-'))
  env = {
    KEYTURN_DATA_DIR: join(folder, 'data'),
    KEYTURN_HTTP_PORT: String(await freePort()),
    KEYTURN_ADMIN_PORT: '0',
    KEYTURN_KEYS_ALGORITHM: 'ES256',
  }
})
afterEach(async () => {
  await stopAll()
  await rm(folder, { recursive: true, force: true })
})

const run = async (line: string) => {
  const { code, stdout, stderr } = await keyturn([...line.split(' '), '--json'], env)
  return code === 0 ? JSON.parse(stdout) : JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error
}
/** As somebody who can write the file would. */
function tamper(sql: string): void {
  const database = new DatabaseSync(join(folder, 'data/state.db'))
  database.exec('DROP TRIGGER IF EXISTS audit_refuses_update; DROP TRIGGER IF EXISTS audit_refuses_delete')
  database.exec(sql)
  database.close()
}

describe('the audit log of an installation (R50)', () => {
  it('says who did what to the keys, with the authority up and down, and is whole', async () => {
    const authority = await startAuthority(env)
    const { revokedKid } = await run(`keys revoke --reason leaked ${(await run('keys list')).keys[1].kid}`)
    await authority.stop()
    await run('keys rotate --force')
    const { events } = await run('audit list')
    const written = events.filter(({ kind }: { kind: string }) => kind === 'ring-write')
    expect(written.map((event: { generation: number }) => event.generation)).toEqual(
      written.map((_: unknown, i: number) => i + 1),
    )
    expect(written[0].actor.program).toBe('keyturn serve')
    const revocation = written.find(
      ({ actor }: { actor: { program: string } }) => actor.program === 'keyturn keys revoke',
    )
    expect(JSON.stringify(revocation.changes)).toContain(revokedKid)
    expect(JSON.stringify(events)).not.toMatch(/privateKey|"d":/)
    expect(await run('audit verify')).toMatchObject({ valid: true, lines: events.length })
  })

  it('shows a line that was altered, one that was removed, and a tail that was cut off', async () => {
    await (await startAuthority(env)).stop()
    await run('keys rotate --force')
    const whole = await run('audit verify')
    expect(whole.heads).toBeGreaterThanOrEqual(2)
    tamper(`UPDATE audit SET body = replace(body, 'key-created', 'key-crested') WHERE seq = 1`)
    expect(await run('audit verify')).toMatchObject({
      code: 'audit_broken',
      message: 'line 1 of the audit log was altered',
    })
    tamper(`UPDATE audit SET body = replace(body, 'key-crested', 'key-created') WHERE seq = 1`)
    expect(await run('audit verify')).toMatchObject({ valid: true })
    tamper(`DELETE FROM audit WHERE seq = ${whole.lines}`)
    expect(await run('audit verify')).toMatchObject({
      code: 'audit_broken',
      message: expect.stringContaining('cut-off'),
    })
    tamper('DELETE FROM audit WHERE seq = 1')
    expect(await run('audit verify')).toMatchObject({
      code: 'audit_broken',
      message: 'line 1 of the audit log was removed',
    })
  })

  it('is held against checkpoints that were kept elsewhere', async () => {
    const authority = await startAuthority(env)
    await authority.stop()
    const [checkpoint] = authority.log().match(/(?<="checkpoint":")[^"]+/) ?? []
    const file = join(folder, 'checkpoints')
    await writeFile(file, `${checkpoint}\n`)
    const { lines, heads } = await run('audit verify')
    expect(await run(`audit verify --checkpoints ${file}`)).toEqual({
      valid: true,
      ringWitnessed: true,
      lines,
      heads: heads + 1,
    })
    const other = { ...env, KEYTURN_DATA_DIR: join(folder, 'other') }
    await (await startAuthority(other)).stop()
    const { code, stderr } = await keyturn(['audit', 'verify', '--checkpoints', file], other)
    expect([code, stderr]).toEqual([1, expect.stringContaining('checkpoint_refused')])
    await writeFile(join(folder, 'empty'), '\n')
    for (const unreadable of ['none', 'empty']) {
      expect(await run(`audit verify --checkpoints ${join(folder, unreadable)}`)).toMatchObject({
        code: 'checkpoint_unreadable',
      })
    }
  })

  it('is missed when another is in its place, and remembered anew once the operator says so', async () => {
    await (await startAuthority(env)).stop()
    const other = { ...env, KEYTURN_DATA_DIR: join(folder, 'other') }
    await (await startAuthority(other)).stop()
    await rename(join(folder, 'other/state.db'), join(folder, 'data/state.db'))
    expect(await run('audit verify')).toMatchObject({
      code: 'audit_broken',
      message: 'the audit log is not the one that the ring remembers',
    })
    expect((await keyturn(['serve'], env)).stderr).toContain('installation_mixed')
    await (await startAuthority(env, ['--init'])).stop()
    expect(await run('audit verify')).toMatchObject({ valid: true, ringWitnessed: true })
  })

  it('is shown and checked also where lines are garbled or there is no ring', async () => {
    await (await startAuthority(env)).stop()
    tamper(`UPDATE audit SET body = '{"at":9e99,"kind":5' WHERE seq = 1`)
    const { events } = await run('audit list')
    expect(events[0]).toMatchObject({ seq: 1, at: null, kind: 'unreadable' })
    await rm(join(folder, 'data/keys'), { recursive: true })
    expect(await run('audit verify')).toMatchObject({ code: 'audit_broken' })
  })

  it('keeps a key revoked, and a start from going back, when ring files are lost', async () => {
    await (await startAuthority(env)).stop()
    const { keys } = await run('keys list')
    const file = (generation: number) => join(folder, `data/keys/ring.00000000000${generation}.json`)
    await run(`keys revoke --reason leaked ${keys[0].kid}`)
    await rm(file(2))
    const authority = await startAuthority(env)
    const jwks = await (await fetch(`${authority.ready.url}/.well-known/jwks.json`)).text()
    expect(jwks).not.toContain(keys[0].kid)
    await authority.stop()
    const { generation } = await run('keys list')
    await rm(file(generation))
    const whole = await run('keys list')
    expect(whole.generation).toBe(generation - 1)
    await run('audit verify')
    tamper(
      `INSERT INTO audit VALUES (900, '{"kind":"ring-write","at":1,"generation":${generation + 5},"changes":[]}', 'x')`,
    )
    expect((await keyturn(['serve'], env)).stderr).toContain('ring_rolled_back')
  })
})
