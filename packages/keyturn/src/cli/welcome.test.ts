import { describe, expect, it } from 'vitest'
import { welcome } from './welcome.ts'

const started = {
  url: 'http://127.0.0.1:9001',
  adminUrl: 'http://127.0.0.1:9011',
  first: undefined,
  bootstrapFile: undefined,
}
const hostsIn = (issuer: string, more = {}) => {
  const text = welcome({ issuer, dataDir: '/data', store: 'file', root: undefined }, { ...started, ...more })
  return [...text.matchAll(/https?:\/\/([^/\s]+)/g)].map(([, host]) => host)
}

describe('what an authority says when it has started (R57)', () => {
  it('calls this machine as its issuer does', () => {
    expect(hostsIn('http://localhost:9001')).toEqual([
      ...['localhost:9001', 'localhost:9001', 'localhost:9001', 'localhost:9011'],
    ])
    expect(hostsIn('http://127.0.0.1:9001')).toEqual([
      ...['127.0.0.1:9001', '127.0.0.1:9001', '127.0.0.1:9001', '127.0.0.1:9011'],
    ])
  })

  it('says where its listeners are when the issuer is elsewhere, or no URL', () => {
    for (const issuer of ['https://auth.example', 'supermq.auth']) {
      expect(hostsIn(issuer).slice(-3)).toEqual(['127.0.0.1:9001', '127.0.0.1:9001', '127.0.0.1:9011'])
    }
  })

  it('calls no other machine so', () => {
    const elsewhere = { url: 'http://10.0.0.7:9001', adminUrl: 'http://[::1]:9011' }
    expect(hostsIn('http://localhost:9001', elsewhere).slice(1)).toEqual([
      ...['10.0.0.7:9001', '10.0.0.7:9001', 'localhost:9011'],
    ])
  })
})
