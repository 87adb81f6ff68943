import { describe, expect, it } from 'vitest'
import { FileKeyStore } from './file-key-store.ts'
import { PostgresKeyStore } from './postgres/index.ts'

describe('options of a key store (R54)', () => {
  const refusal = (make: () => unknown) => {
    try {
      make()
    } catch (error) {
      return error
    }
    return undefined
  }

  it.each([
    ['a text', './keys'],
    ['no directory', {}],
    ['an empty directory', { directory: '' }],
    ['inherited ones', Object.create({ directory: './keys' })],
  ])('of files are refused: %s', (_, options) => {
    expect(refusal(() => new FileKeyStore(options as never))).toMatchObject({ code: 'store_options_invalid' })
  })

  it('are refused where they mean nothing, with what is probably meant', () => {
    const misspelt = { directory: './keys', initialise: true }
    expect(refusal(() => new FileKeyStore(misspelt))).toMatchObject({
      code: 'store_options_invalid',
      remedy: 'did you mean initialize?',
    })
  })

  it('of a database are refused without its URL', () => {
    expect(refusal(() => new PostgresKeyStore({ uri: 'postgres://x' } as never))).toMatchObject({
      code: 'store_options_invalid',
      remedy: 'did you mean url?',
    })
  })
})
