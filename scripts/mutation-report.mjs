import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './workspace.mjs'

const PAGE = join(root, 'docs/mutation-testing.md')
const UNEXPLAINED = '**not explained**'
const LONGEST_LINE = 120

/**
 * Writes what Stryker found of a set into docs/mutation-testing.md, between the marks of that set. Why a mutant may survive is
 * written there by hand, in the last column, and stays with the mutant. Says how many survivors nobody has explained.
 */
export function writeReport({ name, sources, mutate, report }) {
  const { files } = JSON.parse(readFileSync(join(root, report), 'utf8'))
  // single files were asked for, and the rest of the set has never been
  if (!mutate.every((path) => path in files)) return 0
  const marks = new RegExp(`^(.*<!-- ${name}: .*? -->\n)(.*)(<!-- end of ${name} -->.*)$`, 's')
  const [, before, section, after] = marks.exec(readFileSync(PAGE, 'utf8')) ?? []
  if (section === undefined) throw new Error(`expected the marks of ${name} in docs/mutation-testing.md`)
  const reasons = reasonsIn(section)
  const results = mutate.map((path) => resultOf(path.slice(sources.length + 1), files[path]))
  const survivors = results
    .flatMap((result) => result.survivors)
    .map((mutant) => [...mutant, reasons.get(mutant.join()) ?? UNEXPLAINED])
  const figures = table(['file', 'mutants', 'killed', 'score'], [...results, sumOf(results)].map(figuresOf))
  const explained = table(['file', 'this', 'may be that', 'because'], survivors)
  writeFileSync(PAGE, `${before}\n${figures}\n\n${explained}\n\n${after}`)
  return survivors.filter((cells) => cells.at(-1) === UNEXPLAINED).length
}

function resultOf(file, { source, mutants }) {
  const counted = (...states) => mutants.filter(({ status }) => states.includes(status))
  const survivors = counted('Survived', 'NoCoverage')
  return {
    file,
    killed: counted('Killed', 'Timeout').length,
    survivors: survivors.map((mutant) => [file, ...linesOf(source, mutant)].map(code)),
  }
}

/** What a mutant changes, as it is and as it becomes: each the whole of its lines, in one. */
function linesOf(source, { location: { start, end }, replacement }) {
  const lines = source.split('\n').slice(start.line - 1, end.line)
  const head = lines[0].slice(0, start.column - 1)
  const tail = lines.at(-1).slice(end.column - 1)
  return [lines.join('\n'), head + replacement + tail].map((text) =>
    shorten(text.replace(/\s+/g, ' ').trim()),
  )
}

function shorten(line) {
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)} …` : line
}

function sumOf(results) {
  return {
    file: '',
    killed: results.reduce((sum, { killed }) => sum + killed, 0),
    survivors: results.flatMap(({ survivors }) => survivors),
  }
}

function figuresOf({ file, killed, survivors }) {
  const mutants = killed + survivors.length
  return [file === '' ? 'all' : code(file), mutants, killed, `${((100 * killed) / mutants).toFixed(1)} %`]
}

function reasonsIn(section) {
  const rows = section.split('\n').map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  return new Map(
    rows.filter((cells) => cells.length === 6).map((cells) => [cells.slice(1, 4).join(), cells[4]]),
  )
}

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

function code(text) {
  const fence = text.includes('`') ? '``' : '`'
  return `${fence}${text.replaceAll('|', '\\|')}${fence}`
}
