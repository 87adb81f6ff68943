import { describe, expect, it } from 'vitest'
import { hasStrayPassword } from './stray-password.ts'

describe('a password that was not percent-encoded (R75)', () => {
  it.each([
    'postgres://keyturn:/secret@127.0.0.1:5432/keyturn',
    'postgres://keyturn:48/secret@db/keyturn',
    'postgres://keyturn:48?secret@db/keyturn',
    'postgres://keyturn:#secret@db/keyturn',
    'https://svc:/secret@keys.example/jwks.json',
    'https://svc:443/a\nb@keys.example/jwks.json',
  ])('is noticed in %j', (url) => expect(hasStrayPassword(url)).toBe(true))

  it.each([
    'postgres://keyturn:secret@db:5432/keyturn',
    'postgres://keyturn:12%2Fsecret@db/keyturn',
    'postgres:///keyturn?host=/run/postgresql',
    'https://keys.example:8443/jwks.json',
    'https://keys.example:8443/%40team/jwks.json',
    'https://keys.example/@team/jwks.json',
    'no URL',
  ])('is not in %j', (url) => expect(hasStrayPassword(url)).toBe(false))
})
