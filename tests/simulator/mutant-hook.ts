import { registerHooks } from 'node:module'
import { MUTANTS } from './mutants.ts'

/** `node --import` of this file runs the compiled code with the fault that KEYTURN_MUTANT names. */

const mutant = MUTANTS.find(({ name }) => name === process.env.KEYTURN_MUTANT)
if (mutant === undefined) throw new Error('KEYTURN_MUTANT names no mutant')

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(mutant.file)) return loaded
    const source = String(loaded.source)
    if (!source.includes(mutant.from)) throw new Error(`${mutant.file} does not say: ${mutant.from}`)
    return { ...loaded, source: source.replace(mutant.from, mutant.to) }
  },
})
