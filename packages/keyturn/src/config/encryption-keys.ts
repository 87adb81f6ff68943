import { createSecretKey, type KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { KeyturnError } from '@keyturn/core'

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

/**
 * The key-encryption keys, newest first: the newest seals, all open. None where none is given.
 *
 * @throws {KeyturnError} `config_invalid`, `config_file_unreadable`
 */
export function readEncryptionKeys(sources: EncryptionKeySources): readonly KeyObject[] {
  const text = textOf(sources)
  if (text === undefined) return []
  const words = text.split(/[\s,]+/).filter(Boolean)
  if (words.length === 0 || !words.every((word) => KEY.test(word))) throw invalid()
  return Object.freeze(words.map(keyOf))
}

function textOf({ text, file, credentialsDirectory }: EncryptionKeySources): string | undefined {
  if (text !== undefined && file !== undefined) {
    throw new KeyturnError(
      'config_invalid',
      'KEYTURN_KEYS_ENCRYPTION_KEY and KEYTURN_KEYS_ENCRYPTION_KEY_FILE: expected one of the two',
    )
  }
  if (text !== undefined) return text
  if (file !== undefined) return readText(file)
  if (credentialsDirectory === undefined) return undefined
  const credential = join(credentialsDirectory, CREDENTIAL)
  return isThere(credential) ? readText(credential) : undefined
}

/** What cannot be seen may be there: then reading it fails, and the keys are not left in the clear. */
function isThere(file: string): boolean {
  try {
    return statSync(file).isFile()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT'
  }
}

function readText(file: string): string {
  try {
    // a pipe would keep every command waiting
    if (!statSync(file).isFile()) throw Object.assign(new Error('no file'), { code: 'not a file' })
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new KeyturnError(
      'config_file_unreadable',
      `the key-encryption key ${file} cannot be read (${code})`,
      { remedy: 'name a file that this user can read', cause },
    )
  }
}

function keyOf(word: string): KeyObject {
  const bytes = Buffer.from(word, 'base64')
  if (bytes.length !== KEY_BYTES) throw invalid()
  return createSecretKey(bytes)
}

function invalid(): KeyturnError {
  return new KeyturnError(
    'config_invalid',
    'the key-encryption key: expected 32 random bytes in base64, or several such keys, the newest first',
    { remedy: 'make one with: openssl rand -base64 32' },
  )
}
