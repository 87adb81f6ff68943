import { fakeClock } from '@keyturn/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { KeyManager } from '../manager.ts'
import type { KeyRing } from '../ring.ts'
import { DEFAULT_POLICY } from '../timing.ts'
import { MemoryKeyStore } from './memory-key-store.ts'
import { RingMalformed } from './ring-codec.ts'
import { checkRingFile, decodeRingFile, encodeRingFile } from './ring-file.ts'

let file: Buffer
let ring: KeyRing
beforeAll(async () => {
  const policy = { ...DEFAULT_POLICY, algorithm: 'EdDSA' } as const
  const keys = await KeyManager.open({ store: new MemoryKeyStore(), policy, clock: fakeClock() })
  await keys.close()
  ring = keys.ring()
  file = await encodeRingFile(ring)
})

const isRefused = (damaged: Buffer) => {
  try {
    checkRingFile(damaged, 1)
    return false
  } catch (error) {
    return error instanceof RingMalformed
  }
}

describe('a damaged ring file (R15, R16)', () => {
  it('is refused for every bit that has changed', () => {
    expect(isRefused(file)).toBe(false)
    const taken: number[] = []
    for (let bit = 0; bit < file.length * 8; bit++) {
      const damaged = Buffer.from(file)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      if (!isRefused(damaged)) taken.push(bit)
    }
    expect(taken).toEqual([])
  })

  it('is refused at every length but its own, also with zeros in place of what is missing', () => {
    for (let length = 0; length < file.length; length++) {
      const torn = Buffer.alloc(file.length)
      file.copy(torn, 0, 0, length)
      expect([length, isRefused(file.subarray(0, length)), isRefused(torn)]).toEqual([length, true, true])
    }
    expect(isRefused(Buffer.concat([file, Buffer.from('\n')]))).toBe(true)
  })

  it('is refused for every bit of its header also where no name says which generation it is', async () => {
    const header = file.indexOf('\n')
    for (let bit = 0; bit < header * 8; bit++) {
      const damaged = Buffer.from(file)
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      await expect(decodeRingFile(damaged)).rejects.toBeInstanceOf(RingMalformed)
    }
  })
})

describe('a ring that is too large (R15)', () => {
  it('is not written, since nobody could read it', async () => {
    const keys = ring.keys.map((key) => ({ ...key, revokedReason: 'x'.repeat(9 << 20) }))
    await expect(encodeRingFile({ ...ring, keys })).rejects.toMatchObject({
      code: 'ring_too_large',
      remedy: expect.stringContaining('reason'),
    })
  })
})
