import { createVerifier, type Verifier } from '@keyturn/verifier'
import { CLAIMS, type Contender, type Task, TTL_SECONDS, TYP } from './contender.ts'

/** Ours, as an authority and a service use it: the ring with its checks, the verifier with its whole profile. */
export const keyturn: Contender = {
  name: 'keyturn',

  async signer({ keys }) {
    return { way: 'async', act: () => keys.sign(CLAIMS, { ttlSeconds: TTL_SECONDS, typ: TYP }) }
  },

  async verifier(task) {
    const verifier = await openVerifier(task, 0)
    return { way: 'sync', act: (token) => verifier.verifySync(token) }
  },
}

/** A verifier that has the keys of a task, and remembers so many tokens. */
export async function openVerifier({ keys }: Task, tokenCacheSize: number): Promise<Verifier> {
  const body = Buffer.from(JSON.stringify(keys.publicJwks()))
  const headers = { cacheControl: 'max-age=3600', age: undefined, etag: undefined }
  const verifier = createVerifier({
    issuer: CLAIMS.iss,
    audience: CLAIMS.aud,
    fetch: async () => ({ ...headers, status: 200, body }),
    tokenCacheSize,
  })
  await verifier.ready()
  return verifier
}
