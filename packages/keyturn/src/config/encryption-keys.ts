import { createSecretKey, type KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, KeyturnError } from '@keyturn/core'
import type { NameOf } from './disagreements.ts'

/** Where key-encryption keys may come from. */
export interface EncryptionKeySources {
  /** The keys themselves: `KEYTURN_KEYS_ENCRYPTION_KEY`. */
  readonly text: string | undefined
  /** A file that holds them: `KEYTURN_KEYS_ENCRYPTION_KEY_FILE`. */
  readonly file: string | undefined
  /** Where systemd puts credentials; a file `keyturn-keys-encryption-key` in it is taken when neither of the others is given. */
  readonly credentialsDirectory: string | undefined
}

const CREDENTIAL = 'keyturn-keys-encryption-key'
const KEY_BYTES = 32
/** 32 bytes in base64 or base64url, with or without padding. */
const KEY = /^[A-Za-z0-9+/_-]{43}=?$/

/** Keys as they were given, and what the reader calls the place. */
interface NamedText {
  readonly name: string
  readonly text: string
}

/**
 * The key-encryption keys, newest first: the newest seals, all open. None where none is given.
 *
 * @throws {KeyturnError} `config_invalid`, `config_file_unreadable`
 */
export function readEncryptionKeys(sources: EncryptionKeySources, nameOf: NameOf): readonly KeyObject[] {
  const given = givenKeys(sources, nameOf)
  if (given === undefined) return []
  const words = given.text.split(/[\s,]+/).filter(Boolean)
  const keys = words.map((word) => keyOf(word, given.name))
  if (keys.length === 0) throw invalid(given.name)
  return Object.freeze(keys)
}

function givenKeys(sources: EncryptionKeySources, nameOf: NameOf): NamedText | undefined {
  const { text, file, credentialsDirectory } = sources
  const [name, fileName] = [nameOf('keysEncryptionKey'), nameOf('keysEncryptionKeyFile')]
  if (text !== undefined && file !== undefined) {
    throw new KeyturnError('config_invalid', `${name} and ${fileName}: expected one of the two`)
  }
  if (text !== undefined) return { name, text }
  if (file !== undefined) return readText(file, fileName)
  if (credentialsDirectory === undefined) return undefined
  const credential = join(credentialsDirectory, CREDENTIAL)
  return isThere(credential) ? readText(credential, 'the credential of systemd') : undefined
}

/** What cannot be seen may be there: then reading it fails, and the keys are not left in the clear. */
function isThere(file: string): boolean {
  try {
    return statSync(file).isFile()
  } catch (error) {
    return errnoOf(error) !== 'ENOENT'
  }
}

function readText(file: string, name: string): NamedText {
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

function keyOf(word: string, name: string): KeyObject {
  const bytes = KEY.test(word) ? Buffer.from(word, 'base64') : undefined
  if (bytes?.length !== KEY_BYTES) throw invalid(name)
  return createSecretKey(bytes)
}

function invalid(name: string): KeyturnError {
  return new KeyturnError(
    'config_invalid',
    `${name}: expected 32 random bytes in base64, or several such keys, the newest first`,
    { remedy: 'make one with: openssl rand -base64 32' },
  )
}
