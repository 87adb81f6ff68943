import { registerHooks } from 'node:module'
import { MUTANTS } from './mutants.ts'

/** `node --import` of this file runs the compiled code with the fault that KEYTURN_MUTANT names. */

const mutant = MUTANTS.find(({ name }) => name === process.env.KEYTURN_MUTANT)
if (mutant === undefined) throw new Error('KEYTURN_MUTANT names no mutant')

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    let source = String(loaded.source)
    for (const { file, from, to } of mutant.edits.filter((edit) => url.endsWith(edit.file))) {
      if (!source.includes(from)) throw new Error(`${file} does not say: ${from}`)
      source = source.replace(from, to)
    }
    return { ...loaded, source }
  },
})
