import { resolve } from 'node:path'
import { errnoOf, KeyturnError } from '@keyturn/core'
import { MAX_KEY_DOCUMENT_BYTES } from '@keyturn/keyring'
import { readPrivateFile } from '@keyturn/keyring/private-files'
import { readAtMost } from './read-at-most.ts'

/**
 * Reads a private key from a file of the caller's alone, or from stdin. The argument is not repeated in errors: it may be the key
 * itself, in the wrong place.
 *
 * @throws {KeyturnError} `key_file_unreadable`, `store_unsafe`, `key_malformed` for one that is too large
 */
export async function readKeyDocument(argument: string): Promise<Uint8Array> {
  const document = argument === '-' ? await readStdin() : await readFile(argument)
  if (document !== undefined) return document
  throw new KeyturnError('key_malformed', `expected a key of at most ${MAX_KEY_DOCUMENT_BYTES} bytes`)
}

async function readFile(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readPrivateFile(resolve(path), MAX_KEY_DOCUMENT_BYTES)
  } catch (cause) {
    if (cause instanceof KeyturnError) throw cause
    throw unreadable(`the key file cannot be read (${errnoOf(cause)})`)
  }
}

async function readStdin(): Promise<Uint8Array | undefined> {
  if (process.stdin.isTTY) throw unreadable('expected a key on stdin')
  return await readAtMost(MAX_KEY_DOCUMENT_BYTES, process.stdin)
}

function unreadable(message: string): KeyturnError {
  return new KeyturnError('key_file_unreadable', message, {
    remedy: 'name a file, not a link, that this user can read; or - to give the key on stdin',
  })
}
