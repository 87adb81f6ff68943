import { isLoopback } from '@keyturn/core'

/** Where a listener binds; port 0 takes a free one. */
export interface Listener {
  readonly host: string
  readonly port: number
}

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::'])

/** Says whether two listeners would want one and the same place. */
export function isSameAddress(one: Listener, other: Listener): boolean {
  if (one.port !== other.port || one.port === 0) return false
  const hosts = [one.host.toLowerCase(), other.host.toLowerCase()]
  return (
    hosts[0] === hosts[1] ||
    hosts.some((host) => EVERYWHERE.has(host)) ||
    (hosts.includes('localhost') && hosts.every(isLoopback))
  )
}
