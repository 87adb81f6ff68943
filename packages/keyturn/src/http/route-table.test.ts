import { describe, expect, it } from 'vitest'
import { RouteTable } from './route-table.ts'

describe('methods of a path (R53)', () => {
  const routes = new RouteTable()
  routes.add('/v1/keys', ['GET', 'HEAD'])
  routes.add('/v1/keys/:kid/revoke', 'POST')
  routes.add('/v1/keys/:kid', 'DELETE')
  routes.add('/v1/keys/:kid', 'GET')
  routes.add('/v1/keys/rotate', 'POST')

  it.each([
    ['/v1/keys', ['GET', 'HEAD']],
    ['/v1/keys?x=/v1/keys/a', ['GET', 'HEAD']],
    ['/v1/keys/a', ['DELETE', 'GET']],
    ['/v1/keys/rotate', ['DELETE', 'GET', 'POST']],
    ['/v1/keys/a/revoke', ['POST']],
    ['/v1/keys/', []],
    ['/v1/keys//revoke', []],
    ['/v1/keys/a/revoke/', []],
    ['/V1/keys', []],
    ['', []],
  ])('%j has %j', (target, methods) => {
    expect(routes.methodsAt(target)).toEqual(methods)
  })
})
