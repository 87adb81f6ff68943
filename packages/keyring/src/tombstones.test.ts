import { describe, expect, it } from 'vitest'
import { mayHaveLetGo, REMOVED_KEYS_REMEMBERED, type Tombstone, worthKeeping } from './tombstones.ts'

const tombstone = (at: number, fate: Tombstone['fate'] = 'removed'): Tombstone => ({
  kid: `k${at}`,
  fate,
  at,
})
/** Of as many removed keys as are remembered, and so many more; the first went at 1. */
const graveyard = (more = 0) =>
  Array.from({ length: REMOVED_KEYS_REMEMBERED + more }, (_, i) => tombstone(i + 1))

describe('what is remembered of keys that went (R3)', () => {
  it('is all of it, up to a limit', () => {
    expect(worthKeeping([])).toEqual([])
    expect(worthKeeping(graveyard())).toEqual(graveyard())
  })

  it('is no more of the oldest that simply ended', () => {
    expect(worthKeeping(graveyard(2))).toEqual(graveyard(2).slice(2))
  })

  it('is every revocation, however old, and none counts towards the limit', () => {
    const revoked = [tombstone(0, 'revoked'), tombstone(9, 'revoked')]
    expect(worthKeeping([...revoked, ...graveyard(1)])).toEqual([...revoked, ...graveyard(1).slice(1)])
  })

  it('may be gone from a later ring where it would be too much, and is no older than what was kept', () => {
    expect(mayHaveLetGo(graveyard(), tombstone(0))).toBe(true)
    expect(mayHaveLetGo(graveyard(), tombstone(1))).toBe(true)
    expect(mayHaveLetGo(graveyard(), tombstone(2))).toBe(false)
    expect(mayHaveLetGo([tombstone(0, 'revoked'), ...graveyard()], tombstone(1))).toBe(true)
  })

  it('is not gone where there was room, nor if it is a revocation', () => {
    expect(mayHaveLetGo(graveyard(-1), tombstone(0))).toBe(false)
    expect(mayHaveLetGo([], tombstone(0))).toBe(false)
    expect(mayHaveLetGo(graveyard(), tombstone(0, 'revoked'))).toBe(false)
  })
})
