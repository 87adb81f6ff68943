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

  it('holds times of one kind', () => {
    const lines: string[] = []
    const logger = createLogger('info', { write: (line) => lines.push(line) })
    logKeyringEvent(logger, { kind: 'key-created', kid: 'a', activateAt: Date.UTC(2026, 0, 2) })
    const { time, activateAt } = JSON.parse(lines[0] ?? '')
    expect(activateAt).toBe('2026-01-02T00:00:00.000Z')
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  })
})
