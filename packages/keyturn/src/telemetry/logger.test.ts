import { describe, expect, it } from 'vitest'
import { createLogger, logKeyringEvent } from './logger.ts'

describe('the log (R50, R75)', () => {
  it('holds nothing that a terminal obeys, and the same JSON', () => {
    const lines: string[] = []
    const logger = createLogger('info', { write: (line) => lines.push(line) })
    const reason = 'lost\r\n\x1b[31m\x9b2J\u2028{"level":"info"}\u202e'
    const kids = { revokedKid: 'a', revokedKids: ['a'], activeKid: 'b', early: false }
    logKeyringEvent(logger, { kind: 'key-revoked', reason, ...kids })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^[\x20-\x7e]+\n$/)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', reason })
  })
})
