import { dirname } from 'node:path'
import { type AlgorithmName, errnoOf, KeyturnError, type SigningKey, systemClock } from '@keyturn/core'
import {
  generateSigningPair,
  type KeyPair,
  localSigningKey,
  MAX_KEY_DOCUMENT_BYTES,
  readKeyPair,
} from '@keyturn/keyring'
import {
  createPrivateFile,
  makePrivateFolder,
  readPrivateFile,
  removeAbandoned,
} from '@keyturn/keyring/private-files'

/** The root key: a file of its own, so that who gets at the ring, or at a database that holds it, does not get at this one. */

/** What a key signs with whose file does not say it, as PEM cannot: whoever starts with that file signs alike. */
const WHERE_NOTHING_IS_SAID: readonly AlgorithmName[] = ['EdDSA', 'RS256']
const DECRYPT =
  'decrypt it into a file of this user alone: (umask 077; openssl pkey -in FILE -out ROOT_KEY_FILE)'

/**
 * Reads the root key: a private JWK as {@link createRootKey} writes it, or what was made elsewhere, also in PEM: an Ed25519 key then
 * signs with EdDSA, one of RSA with RS256.
 *
 * @throws {KeyturnError} `root_key_unreadable`, `store_unsafe`, and what {@link readKeyPair} throws
 */
export async function openRootKey(file: string): Promise<SigningKey> {
  return localSigningKey(await readRootKey(file))
}

/**
 * Makes a root key, in a file where there was none.
 *
 * @throws {KeyturnError} `root_key_exists`, `root_key_unwritable`, `store_unsafe`, `algorithm_unavailable`
 */
export async function createRootKey(file: string, algorithm: AlgorithmName): Promise<SigningKey> {
  const pair = await generateSigningPair({ algorithm, rsaBits: 4096 })
  const folder = dirname(file)
  try {
    await makePrivateFolder(folder)
    const jwk = { ...pair.privateKey.export({ format: 'jwk' }), kid: pair.kid, alg: pair.alg, use: 'sig' }
    await removeAbandoned(folder, systemClock.now())
    await createPrivateFile(file, `${JSON.stringify(jwk)}\n`, 'root')
  } catch (cause) {
    throw cause instanceof KeyturnError ? cause : notWritten(file, cause)
  }
  return await openRootKey(file)
}

async function readRootKey(file: string): Promise<KeyPair> {
  const document = await readPrivateFile(file, MAX_KEY_DOCUMENT_BYTES).catch((cause: unknown) => {
    throw cause instanceof KeyturnError ? cause : notRead(file, errnoOf(cause))
  })
  if (document === undefined) throw notRead(file, `expected at most ${MAX_KEY_DOCUMENT_BYTES} bytes`)
  return await readKeyPair(document, { preferred: WHERE_NOTHING_IS_SAID }).catch((cause: unknown) => {
    throw cause instanceof KeyturnError ? unfit(file, cause) : cause
  })
}

/** Without the cause, which names a document only: here there is a file to look at. */
function unfit(file: string, { code, message, remedy }: KeyturnError): KeyturnError {
  const help = code === 'key_encrypted' ? DECRYPT : remedy
  const options = help === undefined ? {} : { remedy: help }
  return new KeyturnError(code, `the root key ${file}: ${message}`, options)
}

function notRead(file: string, why: string): KeyturnError {
  return new KeyturnError('root_key_unreadable', `the root key ${file} cannot be read (${why})`, {
    remedy: 'name the file with KEYTURN_ROOT_KEY_FILE, or make one: keyturn keys root --create',
  })
}

function notWritten(file: string, cause: unknown): KeyturnError {
  if (errnoOf(cause) === 'EEXIST') {
    return new KeyturnError('root_key_exists', `${file} is there already, and is not written over`, {
      remedy:
        'to print it: keyturn keys root; for the root that follows it, name another file: --root-key-file',
    })
  }
  return new KeyturnError(
    'root_key_unwritable',
    `the root key cannot be written to ${file} (${errnoOf(cause)})`,
    {
      remedy: hasNoLinks(cause)
        ? 'name a file on a file system that has hard links: --root-key-file'
        : 'name a file in a folder of this user alone: --root-key-file',
      cause,
    },
  )
}

function hasNoLinks(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'link'
}
