import { readFileSync, statSync } from 'node:fs'
import { errnoOf, KeyturnError } from '@keyturn/core'
import type { NameOf } from './disagreements.ts'

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

/**
 * A secret, from the one place where it was given.
 *
 * @throws {KeyturnError} `config_invalid`, `config_file_unreadable`
 */
export function givenSecret({ key, text, file }: SecretSources, nameOf: NameOf): NamedText | undefined {
  const [name, fileName] = [nameOf(key), nameOf(`${key}File`)]
  if (text !== undefined && file !== undefined) {
    throw new KeyturnError('config_invalid', `${name} and ${fileName}: expected one of the two`)
  }
  if (text !== undefined) return { name, text }
  return file === undefined ? undefined : readSecretFile(file, fileName)
}

/** @throws {KeyturnError} `config_file_unreadable` */
export function readSecretFile(file: string, name: string): NamedText {
  try {
    // a pipe would keep every command waiting
    if (!statSync(file).isFile()) throw Object.assign(new Error('no file'), { code: 'not a file' })
    return { name: `${name} (${file})`, text: readFileSync(file, 'utf8') }
  } catch (cause) {
    throw new KeyturnError('config_file_unreadable', `${name}: ${file} cannot be read (${errnoOf(cause)})`, {
      remedy: 'name a file that this user can read',
      cause,
    })
  }
}
