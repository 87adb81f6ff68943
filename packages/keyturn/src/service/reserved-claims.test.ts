import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isReservedClaim, RESERVED_CLAIMS } from './reserved-claims.ts'

const page = readFileSync(new URL('../../../../docs/reference/http.md', import.meta.url), 'utf8')

describe('claims that no caller may name (R48, R66)', () => {
  it('are those of the reference, each once', () => {
    const list = /Reserved claims: (.*?)\.\n/s.exec(page)?.[1] ?? ''
    const documented = [...list.matchAll(/`(\w+)`/g)].map(([, claim]) => claim)
    expect(documented.toSorted()).toEqual(RESERVED_CLAIMS.toSorted())
    expect(new Set(RESERVED_CLAIMS).size).toBe(RESERVED_CLAIMS.length)
  })

  it('are compared exactly, and no others', () => {
    expect(RESERVED_CLAIMS.every(isReservedClaim)).toBe(true)
    expect(['tenant', 'email', 'Role', 'constructor', ''].some(isReservedClaim)).toBe(false)
  })
})
