import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TOKEN_REJECTIONS } from '@keyturn/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { type DocumentPage, readPage, root } from './document.ts'

// deploy/alerts.yml against the metrics that there are: docs/reference/metrics.md is made from the code.

interface Rule {
  readonly alert: string
  readonly group: string
  readonly expr: string
  readonly labels: string
}

let file: string
let page: DocumentPage
let reference: string
beforeAll(async () => {
  file = await readFile(join(root, 'deploy/alerts.yml'), 'utf8')
  page = await readPage('docs/observability.md')
  reference = (await readPage('docs/reference/metrics.md')).text
})

/** A plain scalar means itself in YAML only without these. */
const PLAIN = '(?!.*(?:: | #))[a-z].*'
const LINES = Object.freeze({
  group: /^ {2}- name: (keyturn-[a-z]+)$/,
  rules: /^ {4}rules:$/,
  alert: /^ {6}- alert: (Keyturn[A-Za-z]+)$/,
  expr: new RegExp(`^ {8}expr: (${PLAIN}|>-)$`),
  folded: /^ {10}(\S.*)$/,
  for: /^ {8}for: \d+[smh]$/,
  labels: /^ {8}labels: \{ severity: (page|ticket) \}$/,
})

/** Reads the part of YAML that the file keeps to, and refuses any other line. */
function parse(text: string): readonly Rule[] {
  const [head, ...lines] = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  expect(head).toBe('groups:')
  const rules: { alert: string; group: string; expr: string; labels: string }[] = []
  let group = ''
  for (const line of lines) {
    const [kind, match] = Object.entries(LINES).flatMap(([name, form]) => {
      const found = form.exec(line)
      return found === null ? [] : [[name, found[1] ?? ''] as const]
    })[0] ?? ['none', '']
    const rule = rules.at(-1)
    if (kind === 'group') group = match
    else if (kind === 'alert') rules.push({ alert: match, group, expr: '', labels: '' })
    else if (kind === 'expr' && rule?.expr === '') rule.expr = match === '>-' ? ' ' : match
    else if (kind === 'folded' && rule?.expr.startsWith(' ')) rule.expr += `${match} `
    else if (kind === 'labels' && rule !== undefined) rule.labels = match
    else if (kind !== 'rules' && kind !== 'for') throw new Error(`not understood: ${line}`)
  }
  return rules
}

/** What the reference says of a metric: its labels. */
const labelsOf = (name: string) =>
  [...(new RegExp(`^\\| \`${name}\` \\|.*$`, 'm').exec(reference)?.[0].matchAll(/`(\w+)`/g) ?? [])].map(
    ([, label]) => label,
  )
const VALUES: Readonly<Record<string, readonly string[]>> = {
  keyturn_verify_total: ['accepted', 'keys_unavailable', ...Object.keys(TOKEN_REJECTIONS)],
  keyturn_verifier_keys_status: ['fresh', 'stale', 'unavailable'],
  keyturn_verifier_jwks_refresh_total: ['success', 'failure'],
  keyturn_backups_total: ['success', 'failure'],
}

describe('the alert rules that are shipped (R51)', () => {
  it('are rules of the authority and of verifiers, each with an expression, balanced, and a severity', () => {
    const rules = parse(file)
    expect(new Set(rules.map(({ group }) => group))).toEqual(
      new Set(['keyturn-authority', 'keyturn-verifiers']),
    )
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
    for (const { alert, expr, labels } of rules) {
      expect([alert, labels]).toEqual([alert, expect.stringMatching(/^(page|ticket)$/)])
      expect([alert, expr.split('(').length]).toEqual([alert, expr.split(')').length])
      expect(expr, alert).toMatch(/ (==|>) /)
    }
  })

  it('ask for metrics, labels and values that there are', () => {
    for (const { alert, expr } of parse(file)) {
      const asked = [...expr.matchAll(/(keyturn_\w+)(?:\{(\w+)=~?"([^"]+)"\})?/g)]
      expect(asked.length, alert).toBeGreaterThan(0)
      for (const [, name = '', label, values = ''] of asked) {
        expect(reference, alert).toContain(`| \`${name}\` |`)
        if (label === undefined) continue
        expect(labelsOf(name), alert).toContain(label)
        for (const value of values.split('|')) expect(VALUES[name], alert).toContain(value)
      }
    }
  })

  it('are all explained, and the file holds what the page shows', () => {
    const named = parse(file).map(({ alert }) => alert)
    const [, section = ''] = page.text.split('## Alerts\n')
    const explained = [...section.matchAll(/^\| `(Keyturn\w+)` \|/gm)].map(([, alert]) => alert)
    expect(explained.sort()).toEqual([...named].sort())
    const [, shown = ''] = page.block('alerts').split('groups:\n')
    expect(file).toContain(shown)
  })
})
