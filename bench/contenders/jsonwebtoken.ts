import jwt from 'jsonwebtoken'
import { CLAIMS, type Contender, TTL_SECONDS, TYP } from './contender.ts'

/** Has no EdDSA. */
export const jsonwebtoken: Contender = {
  name: 'jsonwebtoken',

  async signer({ algorithm, kid, privateKey }) {
    if (algorithm === 'EdDSA') return undefined
    const header = { alg: algorithm, kid, typ: TYP }
    const options = { algorithm, header, expiresIn: TTL_SECONDS }
    return { way: 'sync', act: () => jwt.sign({ ...CLAIMS }, privateKey, options) }
  },

  async verifier({ algorithm, publicKey }) {
    if (algorithm === 'EdDSA') return undefined
    const options = { algorithms: [algorithm], issuer: CLAIMS.iss, audience: CLAIMS.aud }
    return { way: 'sync', act: (token) => jwt.verify(token, publicKey, options) }
  },
}
