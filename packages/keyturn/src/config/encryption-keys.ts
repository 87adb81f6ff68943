import { createSecretKey, type KeyObject } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, KeyturnError } from '@keyturn/core'
import { givenSecret, type NamedText, readSecretFile, type Warn } from './secret-text.ts'
import type { NameOf } from './settings.ts'

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
 * @throws {KeyturnError} `config_invalid`, `config_file_unreadable`, `store_unsafe`
 */
export function readEncryptionKeys(
  sources: EncryptionKeySources,
  nameOf: NameOf,
  warn: Warn,
): readonly KeyObject[] {
  const given = givenKeys(sources, nameOf, warn)
  if (given === undefined) return []
  const words = given.text.split(/[\s,]+/).filter(Boolean)
  const keys = words.map((word) => keyOf(word, given.name))
  if (keys.length === 0) throw invalid(given.name)
  return Object.freeze(keys)
}

function givenKeys(sources: EncryptionKeySources, nameOf: NameOf, warn: Warn): NamedText | undefined {
  const { text, file, credentialsDirectory } = sources
  const given = givenSecret({ key: 'keysEncryptionKey', text, file }, nameOf, warn)
  if (given !== undefined || credentialsDirectory === undefined) return given
  const credential = join(credentialsDirectory, CREDENTIAL)
  return isThere(credential) ? readSecretFile(credential, 'the credential of systemd', warn) : undefined
}

/** What cannot be seen may be there: then reading it fails, and the keys are not left in the clear. */
function isThere(file: string): boolean {
  try {
    return statSync(file).isFile()
  } catch (error) {
    return errnoOf(error) !== 'ENOENT'
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
