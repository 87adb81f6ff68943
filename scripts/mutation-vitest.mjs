import { defineConfig } from 'vitest/config'
import all from '../vitest.config.ts'
import { SET_VARIABLE, setNamed } from './mutation-sets.mjs'

const unit = all.test.projects.find(({ test }) => test.name === 'unit')
const { tests } = setNamed(process.env[SET_VARIABLE])

/** The unit tests of a set, as Stryker runs them against its mutants. */
export default defineConfig({ ...unit, test: { ...unit.test, include: tests } })
