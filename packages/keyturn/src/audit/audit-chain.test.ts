import { describe, expect, it } from 'vitest'
import { type AuditLine, chainHash, findFlaw } from './audit-chain.ts'

function logOf(...bodies: string[]): AuditLine[] {
  const lines: AuditLine[] = []
  for (const body of bodies) {
    const seq = lines.length + 1
    lines.push({ seq, body, hash: chainHash(lines.at(-1)?.hash ?? null, seq, body) })
  }
  return lines
}
const log = logOf('a', 'b', 'c', 'd')
const [a, b, c, d] = log as [AuditLine, AuditLine, AuditLine, AuditLine]

describe('a chained log (R50)', () => {
  it('is sound as it was written', () => {
    expect(findFlaw([])).toBeUndefined()
    expect(findFlaw(log, log)).toBeUndefined()
  })

  it.each([
    ['a line that was altered', [a, { ...b, body: 'B' }, c, d], 2, 'altered'],
    ['the first line gone', [b, c, d], 1, 'removed'],
    ['a line gone', [a, b, d], 3, 'removed'],
    ['a line gone and the others counted anew', [a, { ...c, seq: 2 }, { ...d, seq: 3 }], 2, 'altered'],
    ['two lines in each other’s place', [a, c, b, d], 2, 'removed'],
    ['a line twice', [a, b, b, c, d], 3, 'removed'],
    [
      'a line rewritten with its own hash',
      [a, { ...b, body: 'B', hash: chainHash(a.hash, 2, 'B') }, c, d],
      3,
      'altered',
    ],
  ] as const)('shows %s', (_, lines, seq, flaw) => {
    expect(findFlaw(lines)).toEqual({ seq, flaw })
  })

  it('shows a tail that was cut off, and a log that was written anew, to who remembers a head', () => {
    expect(findFlaw([a, b])).toBeUndefined()
    expect(findFlaw([a, b], [d])).toEqual({ seq: 4, flaw: 'cut-off' })
    expect(findFlaw([], [a])).toEqual({ seq: 1, flaw: 'cut-off' })
    expect(findFlaw(logOf('a', 'B', 'c', 'd'), [c])).toEqual({ seq: 3, flaw: 'altered' })
  })
})
