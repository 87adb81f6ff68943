import { createSigner, createVerifier } from 'fast-jwt'
import { CLAIMS, type Contender, TTL_SECONDS, TYP } from './contender.ts'

/** With its cache of verified tokens off: the same token again is another contest. */
export const fastJwt: Contender = {
  name: 'fast-jwt',

  async signer({ algorithm, kid, privateKey }) {
    const sign = createSigner({
      algorithm,
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      kid,
      header: { alg: algorithm, typ: TYP },
      expiresIn: TTL_SECONDS * 1000,
    })
    return { way: 'sync', act: () => sign({ ...CLAIMS }) }
  },

  async verifier({ algorithm, publicKey }) {
    const verify = createVerifier({
      key: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      algorithms: [algorithm],
      allowedIss: CLAIMS.iss,
      allowedAud: CLAIMS.aud,
      cache: false,
    })
    return { way: 'sync', act: verify }
  },
}
