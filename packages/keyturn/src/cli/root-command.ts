import { readFile } from 'node:fs/promises'
import {
  ALGORITHM_NAMES,
  type AlgorithmName,
  errnoOf,
  JwkSetRefused,
  KeyturnError,
  type PublishedJwk,
  parseJwkSet,
} from '@keyturn/core'
import { Command, Option } from 'commander'
import { flagOf, variableOf } from '../config/settings.ts'
import { createRootKey, openRootKey } from '../root-key.ts'
import { print, say } from './output.ts'
import { configOf, withSettings } from './setting-flags.ts'

const AS_PRINTED = 'name a file that holds what keyturn keys root has printed'

interface RootOptions {
  readonly create?: boolean
  readonly algorithm: AlgorithmName
  readonly beside?: string
}

/** `keyturn keys root`: the key that vouches for the key set. */
export function rootCommand(): Command {
  return withSettings(new Command('root'), 'root-key')
    .option('--create', 'make one first, in a file where there is none')
    .addOption(
      new Option('--algorithm <name>', 'what a new one signs with').choices(ALGORITHM_NAMES).default('EdDSA'),
    )
    .option(
      '--beside <file>',
      'what was printed for another root: print that too, while one follows the other',
    )
    .description('print the public root key, as verifiers pin it')
    .action(async ({ create, algorithm, beside }: RootOptions, command: Command) => {
      const { root } = configOf(command)
      if (root === undefined) throw notNamed()
      const others = beside === undefined ? [] : await readRoots(beside)
      if (create !== true && command.getOptionValueSource('algorithm') === 'cli') throw algorithmOfOld()
      const { publicJwk } =
        create === true ? await createRootKey(root.file, algorithm) : await openRootKey(root.file)
      const pinned = { keys: [publicJwk, ...others.filter(({ kid }) => kid !== publicJwk.kid)] }
      print(command, pinned, JSON.stringify(pinned, null, 2))
      if (create === true) say(`${root.file} is the root key: keep a copy of it where no service is`)
    })
}

/** Every one of them has to be good: services would not start with it. */
async function readRoots(file: string): Promise<readonly PublishedJwk[]> {
  const document = await readFile(file).catch((cause: unknown) => {
    throw new KeyturnError('file_unreadable', `${file} cannot be read (${errnoOf(cause)})`, {
      remedy: AS_PRINTED,
    })
  })
  try {
    const { keys, skipped } = parseJwkSet(document)
    if (skipped.length === 0) return [...keys.values()].map(({ jwk }) => jwk)
    throw noRoots(file, `a key is refused (${skipped[0]?.code})`)
  } catch (cause) {
    throw cause instanceof JwkSetRefused ? noRoots(file, cause.message) : cause
  }
}

function noRoots(file: string, why: string): KeyturnError {
  return new KeyturnError('json_malformed', `${file} holds no root keys: ${why}`, { remedy: AS_PRINTED })
}

function algorithmOfOld(): KeyturnError {
  return new KeyturnError(
    'usage',
    'expected --algorithm beside --create only: a key that is there has its own',
    {
      remedy: 'see: keyturn keys root --help',
    },
  )
}

function notNamed(): KeyturnError {
  return new KeyturnError(
    'config_invalid',
    `${variableOf('rootKeyFile')}: expected the file of the root key`,
    {
      remedy: `name it: ${flagOf('rootKeyFile')}`,
    },
  )
}
