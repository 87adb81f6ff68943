import { KeyturnError } from '@keyturn/core'
import { describe, expect, it } from 'vitest'
import { databaseError } from './database-error.ts'

const errorOf = (error: unknown) => databaseError(error, 'read the ring', 'db:5432/keyturn')

describe('databaseError', () => {
  it.each([
    ['a socket that was refused', 'ECONNREFUSED', 'store_unreachable'],
    ['a pipe that broke', 'EPIPE', 'store_unreachable'],
    ['a name that nobody knows', 'ENOTFOUND', 'store_unreachable'],
    ['a server that stops', '57P01', 'store_unreachable'],
    ['a server that starts', '57P03', 'store_unreachable'],
    ['a server that is full', '53300', 'store_unreachable'],
    ['a lock that is held', '55P03', 'store_unreachable'],
    ['an error of the driver', undefined, 'store_unreachable'],
    ['a wrong password', '28P01', 'store_refused'],
    ['a database that is not there', '3D000', 'store_refused'],
    ['a privilege that is missing', '42501', 'store_refused'],
    ['a standby', '25006', 'store_refused'],
    ['a certificate of others', 'SELF_SIGNED_CERT_IN_CHAIN', 'store_refused'],
    ['a constraint', '23514', 'store_failed'],
    ['a table of another shape', '42703', 'store_failed'],
  ])('gives %s a code and a remedy', (_, code, expected) => {
    const error = errorOf(Object.assign(new Error('all about it'), { code }))
    expect(error.code).toBe(expected)
    expect(error.remedy).toBeDefined()
    expect(error.message).toContain('db:5432/keyturn')
  })

  it('knows a password that is missing by the words of the driver', () => {
    expect(errorOf(new Error('SASL: SCRAM-SERVER-FIRST-MESSAGE: …')).code).toBe('store_refused')
  })

  it('keeps nothing of what the database says: it may be a row (R75)', () => {
    const raw = Object.assign(new Error('secret'), { code: '23514', detail: 'secret', where: 'secret' })
    const { message, cause, stack } = errorOf(raw)
    expect(`${message} ${stack}`).not.toContain('secret')
    expect(cause).toBeUndefined()
  })

  it('leaves errors of ours as they are', () => {
    const ours = new KeyturnError('store_newer', 'newer')
    expect(errorOf(ours)).toBe(ours)
  })
})
