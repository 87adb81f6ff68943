import { ALGORITHM_NAMES, type AlgorithmName } from '@keyturn/core'
import { readKeyPair } from '@keyturn/keyring'
import { Command, Option } from 'commander'
import { describeImport } from '../service/key-reports.ts'
import { readKeyDocument } from './key-document-source.ts'
import { print, say } from './output.ts'
import { configOf, withSettings } from './setting-flags.ts'
import { visitKeys, WITHOUT_AUDIT } from './visit-keys.ts'

/** `keyturn keys import`: a key that was made elsewhere becomes the next one. */
export function importCommand(): Command {
  return withSettings(new Command('import'), 'data-folder')
    .argument(
      '<file>',
      'a private key as PEM or JWK, not encrypted, that only its owner can read; - for stdin',
    )
    .addOption(
      new Option('--algorithm <name>', 'what the key signs with, where it says nothing itself').choices(
        ALGORITHM_NAMES,
      ),
    )
    .option(...WITHOUT_AUDIT)
    .description('make a key from elsewhere the next one: published now, signing when that would have')
    .action(async (file: string, { algorithm }: { algorithm?: AlgorithmName }, command: Command) => {
      const preferred = configOf(command).policy.algorithm
      const pair = await readKeyPair(await readKeyDocument(file), { algorithm, preferred })
      await visitKeys(command, async (manager) => {
        const report = describeImport(await manager.importKey(pair))
        const { kid, alg, activateAt, replacedKid } = report
        print(command, report, `${kid} (${alg}) is the next key, and signs from ${activateAt}`)
        if (replacedKid !== null) say(`it replaces ${replacedKid}, which never signed`)
        say('sooner, once every verifier knows it: keyturn keys rotate --queue')
        say('where it came from it is still whole: destroy it there, or keep it as safe as the keys folder')
      })
    })
}
