import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** The folder of the repository. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** A page of the documentation, whose code blocks have names that its readers do not see. */
export interface DocumentPage {
  readonly text: string
  /** The code block that bears a name after its language. */
  block(name: string): string
}

/** Reads a page, by its path in the repository. */
export async function readPage(path: string): Promise<DocumentPage> {
  const text = await readFile(join(root, path), 'utf8')
  return {
    text,
    block(name) {
      const block = new RegExp(`\`\`\`\\w+ ${name}\\n(.*?)\`\`\``, 's').exec(text)?.[1]
      if (block === undefined) throw new Error(`${path} has no block named ${name}`)
      return block
    },
  }
}

/** Runs shell commands as a reader would, with this Node and nothing of the caller's settings. Gives what they print. */
export async function shell(
  script: string,
  env: Record<string, string>,
  cwd = root,
): Promise<{ stdout: string; stderr: string }> {
  const path = `${join(root, 'node_modules/.bin')}:${dirname(process.execPath)}:${process.env.PATH}`
  return await promisify(execFile)('bash', ['--norc', '-eu', '-o', 'pipefail', '-c', script], {
    cwd,
    env: { PATH: path, HOME: process.env.HOME ?? '', ...env },
  })
}
