import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, root } from './workspace.mjs'

/**
 * `npm run trace`: which requirement is proved by which test. A test cites requirements in its describe block, as in
 * `describe('KeyManagerRotation (R3, R63)', …)`, or in a comment. Rules of the strict profile cite their tests instead, in its page, by
 * file and title. With `--quiet` only mistakes are printed.
 */

const LAST_REQUIREMENT = 75
const PROFILE = 'docs/strict-profile.md'
const isQuiet = process.argv.includes('--quiet')

const proofs = new Map()
const unknown = []
for (const file of [...filesBelow('packages', '.test.ts'), ...filesBelow('tests', '.test.ts')].sort()) {
  for (const line of readFileSync(join(root, file), 'utf8').split('\n')) {
    for (const id of citedIn(line)) {
      if (id < 1 || id > LAST_REQUIREMENT) unknown.push(`${file}: R${id} is no requirement`)
      proofs.set(id, (proofs.get(id) ?? new Set()).add(`${file}: ${titleOf(line)}`))
    }
  }
}

const rules = rulesOf(readFileSync(join(root, PROFILE), 'utf8'))
const mistakes = [...unknown, ...rules.flatMap(mistakesIn)]

if (!isQuiet) printTable()
if (mistakes.length > 0) {
  console.error(mistakes.join('\n'))
  process.exitCode = 1
}

/** Ids stand alone: RS256 and RFC 7519 are none. */
function citedIn(line) {
  if (!/describe|\bit\b|\btest\b|\/\/|\*/.test(line)) return []
  return [...line.matchAll(/\bR(\d{1,2})\b/g)].map(([, digits]) => Number(digits))
}

function titleOf(line) {
  return /['"`](.+)['"`]/.exec(line)?.[1] ?? line.trim().replace(/^[/* ]+/, '')
}

/** A rule is a row, and its tests are `[…](../file): "title"`. */
function rulesOf(page) {
  const rows = page.split('\n').filter((line) => /^\| (?!rule \||---)/.test(line))
  return rows.map((row) => ({
    rule: row.split('|')[1].trim(),
    tests: [...row.matchAll(/\]\(\.\.\/([^)]+\.test\.ts)\): "([^"]+)"/g)].map(([, file, title]) => ({
      file,
      title,
    })),
  }))
}

function mistakesIn({ rule, tests }) {
  if (tests.length === 0) return [`${PROFILE}: no test proves "${rule}"`]
  return tests.filter(isMissing).map(({ file, title }) => `${PROFILE}: ${file} has no test "${title}"`)
}

function isMissing({ file, title }) {
  const path = join(root, file)
  return !existsSync(path) || !readFileSync(path, 'utf8').includes(title)
}

function printTable() {
  for (const [id, places] of [...proofs].sort(([a], [b]) => a - b)) {
    console.log([`R${id}`, ...[...places].map((place) => `  ${place}`)].join('\n'))
  }
  const open = Array.from({ length: LAST_REQUIREMENT }, (_, index) => index + 1).filter(
    (id) => !proofs.has(id),
  )
  console.log(`\n${proofs.size} of ${LAST_REQUIREMENT} requirements are cited by tests.`)
  if (open.length > 0) console.log(`Not yet: ${open.map((id) => `R${id}`).join(' ')}`)
  console.log(`${rules.length} rules of ${PROFILE} name their tests.`)
}
