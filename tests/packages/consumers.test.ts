import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'rolldown'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPage, root } from '../document.ts'
import { freePort } from '../end-to-end/processes.ts'
import { installTarballs, LIBRARIES, manifestOf, pack } from './packed.ts'

let place: string
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'keyturn-consumer-'))
  await installTarballs(await pack(LIBRARIES, place), place)
  const source = join(root, 'tests/packages/consumer.ts')
  for (const name of ['consumer.mts', 'consumer.cts']) await copyFile(source, join(place, name))
  await compile({ module: 'nodenext' }, ['consumer.mts', 'consumer.cts'])
})
afterAll(() => rm(place, { recursive: true, force: true }))

/** Services run on what their machine has. */
const NODES = Object.entries({
  'the pinned Node': process.execPath,
  'the Node of this machine': process.env.npm_node_execpath ?? process.execPath,
})

/** As strict as a user may be; the types of Node are the one thing that a user adds. */
const STRICT = {
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
}

/** The adapters take the types of frameworks, which their users have. */
const FRAMEWORKS = {
  '@opentelemetry/api': [join(root, 'node_modules/@opentelemetry/api/build/src/index.d.ts')],
  fastify: [join(root, 'node_modules/fastify/fastify.d.ts')],
  hono: [join(root, 'node_modules/hono/dist/types/index.d.ts')],
}

/** Fails with what the compiler says. */
async function compile(options: object, files: readonly string[]): Promise<void> {
  const types = { types: ['node'], typeRoots: [join(root, 'node_modules/@types')], paths: FRAMEWORKS }
  const compilerOptions = { target: 'es2023', lib: ['es2023'], ...STRICT, ...types, ...options }
  await writeFile(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--project', place])
}

/** What a program prints, run in the folder of the consumer. */
async function run(program: string, args: readonly string[]): Promise<string> {
  const environment = { PATH: process.env.PATH }
  const outcome = promisify(execFile)(program, args, { cwd: place, env: environment, timeout: 60_000 })
  return (await outcome.catch(({ stdout, stderr }) => expect.fail(`${stdout}${stderr}`))).stdout
}

describe('the libraries out of their tarballs (R67)', () => {
  it('bring nothing along but each other', async () => {
    const visible = (names: readonly string[]) => names.filter((name) => !name.startsWith('.'))
    expect(visible(await readdir(join(place, 'node_modules')))).toEqual(['@keyturn'])
    expect(visible(await readdir(join(place, 'node_modules/@keyturn'))).sort()).toEqual([...LIBRARIES].sort())
  })

  it('are used below by every entry point', async () => {
    const text = await readFile(join(root, 'tests/packages/consumer.ts'), 'utf8')
    for (const library of LIBRARIES) {
      const { name, exports } = await manifestOf(library)
      for (const entry of Object.keys(exports)) expect(text).toContain(`from '${name}${entry.slice(1)}'`)
    }
  })

  it.each([
    ['@keyturn/core', 'parseDuration', 'TokenChecker'],
    ['@keyturn/verifier', 'KeySetFetchFailed', 'node:https'],
  ])('leave in a bundle of %s what is used: %s, and not %s', async (name, used, unused) => {
    const bundle = async (program: string) => {
      await writeFile(join(place, 'bundled.mjs'), program)
      const { output } = await build({ cwd: place, input: 'bundled.mjs', external: /^node:/, write: false })
      return output.map((file) => ('code' in file ? file.code.replace(/^\/\/.*/gm, '') : '')).join('')
    }
    expect(await bundle(`import { ${used} } from '${name}'\nconsole.log(${used})`)).not.toContain(unused)
    expect(await bundle(`import * as all from '${name}'\nconsole.log(all)`)).toContain(unused)
    expect(await bundle(`import '${name}'`)).not.toMatch(/\w/)
  })

  it('have types that a bundler finds', async () => {
    await compile({ module: 'preserve', moduleResolution: 'bundler', noEmit: true }, ['consumer.mts'])
  })

  describe.each(NODES)('on %s', (_, node) => {
    it.each(['consumer.mjs', 'consumer.cjs'])('work as %s', async (program) => {
      const stdout = await run(node, [program])
      expect(stdout).toBe(
        'user-1 alice signature_invalid 0 token_expired keys_unavailable true function function,function,function,function,function,function\n',
      )
    })

    it.each([
      ['core', 'user-1\n'],
      ['keyring', 'user-1\n2\n'],
      ['testing', 'alice\nsignature_invalid\n'],
    ])('work as the README of %s says', async (library, printed) => {
      expect(await runExample(node, library)).toBe(printed)
    })

    it('work as the README of verifier says', async () => {
      const port = String(await freePort())
      const ask = `console.log((await fetch('http://localhost:${port}')).status); process.exit()`
      expect(await runExample(node, 'verifier', (text) => `${text.replaceAll('8080', port)}\n${ask}`)).toBe(
        '401\n',
      )
    })
  })
})

async function runExample(node: string, library: string, edit = (text: string) => text): Promise<string> {
  const page = await readPage(`packages/${library}/README.md`)
  await rm(join(place, 'keys'), { recursive: true, force: true })
  await writeFile(join(place, 'example.mjs'), edit(page.block('example')))
  return await run(node, ['example.mjs'])
}
