const IPV4 = /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/

/** Says whether a host, be it a name or an address, is this machine for itself; version 6 may be in brackets, as URLs have it. */
export function isLoopback(host: string): boolean {
  return ['localhost', '::1', '[::1]'].includes(host) || IPV4.test(host)
}
