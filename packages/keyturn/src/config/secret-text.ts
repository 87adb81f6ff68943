import { readFileSync, statSync } from 'node:fs'
import { errnoOf, KeyturnError } from '@keyturn/core'
import type { NameOf } from './settings.ts'

/** A secret as it was given, and what the reader calls the place. */
export interface NamedText {
  readonly name: string
  readonly text: string
}

/** A secret may be given itself, or as a file that holds it. */
export interface SecretSources {
  readonly key: 'keysEncryptionKey' | 'databaseUrl'
  readonly text: string | undefined
  readonly file: string | undefined
}

/** Hears of what an operator should know, and what keeps nothing from starting. */
export type Warn = (line: string) => void

const READABLE_BY_ALL = 0o004
const WRITABLE_BY_ALL = 0o002

/**
 * A secret, from the one place where it was given.
 *
 * @throws {KeyturnError} `config_invalid`, `config_file_unreadable`, `store_unsafe`
 */
export function givenSecret(
  { key, text, file }: SecretSources,
  nameOf: NameOf,
  warn: Warn,
): NamedText | undefined {
  const [name, fileName] = [nameOf(key), nameOf(`${key}File`)]
  if (text !== undefined && file !== undefined) {
    throw new KeyturnError('config_invalid', `${name} and ${fileName}: expected one of the two`)
  }
  if (text !== undefined) return { name, text }
  return file === undefined ? undefined : readSecretFile(file, fileName, warn)
}

/**
 * A secret out of a file. One that every user can read is only told of: so are secrets that are mounted into a container, where
 * there is one user.
 *
 * @throws {KeyturnError} `config_file_unreadable`, `store_unsafe`
 */
export function readSecretFile(file: string, name: string, warn: Warn): NamedText {
  const { mode, text } = readFile(file, name)
  const remedy = `chmod 0600 ${file}`
  if ((mode & WRITABLE_BY_ALL) !== 0) {
    const why = `${name}: ${file}: expected a file that not every user can write`
    throw new KeyturnError('store_unsafe', why, { remedy })
  }
  if ((mode & READABLE_BY_ALL) !== 0) warn(`${name}: every user of this machine can read ${file}: ${remedy}`)
  return { name: `${name} (${file})`, text }
}

function readFile(file: string, name: string): { readonly mode: number; readonly text: string } {
  try {
    const stats = statSync(file)
    // a pipe would keep every command waiting
    if (!stats.isFile()) throw Object.assign(new Error('no file'), { code: 'not a file' })
    return { mode: stats.mode, text: readFileSync(file, 'utf8') }
  } catch (cause) {
    throw new KeyturnError('config_file_unreadable', `${name}: ${file} cannot be read (${errnoOf(cause)})`, {
      remedy: 'name a file that this user can read',
      cause,
    })
  }
}
