import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isolatedListener } from './isolated-listener.ts'

const warnings: Error[] = []
const unhandled: unknown[] = []
const noteWarning = (warning: Error) => void warnings.push(warning)
const noteRejection = (reason: unknown) => void unhandled.push(reason)

beforeEach(() => {
  process.on('warning', noteWarning)
  process.on('unhandledRejection', noteRejection)
})
afterEach(() => {
  process.off('warning', noteWarning)
  process.off('unhandledRejection', noteRejection)
  warnings.length = 0
  unhandled.length = 0
})

describe('a listener of events (R9, R13)', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('that %s costs nothing but a warning', async (_, listener) => {
    const tell = isolatedListener<{ readonly kind: string }>(listener)
    expect(() => tell({ kind: 'key-activated' })).not.toThrow()
    await new Promise((resolve) => setImmediate(resolve))
    expect(unhandled).toEqual([])
    expect(warnings).toMatchObject([
      { message: 'a listener of events failed at key-activated', code: 'KEYTURN_LISTENER' },
    ])
  })

  it('is told at once, in order; none at all is fine', () => {
    const heard: string[] = []
    const tell = isolatedListener<{ readonly kind: string }>(({ kind }) => heard.push(kind))
    for (const kind of ['a', 'b']) tell({ kind })
    expect(heard).toEqual(['a', 'b'])
    expect(() => isolatedListener(undefined)({ kind: 'a' })).not.toThrow()
  })
})
