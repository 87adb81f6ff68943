import { jwtVerify, SignJWT } from 'jose'
import { CLAIMS, type Contender, TTL_SECONDS, TYP } from './contender.ts'

/** Takes the KeyObject, and keeps what it makes of it. */
export const jose: Contender = {
  name: 'jose',

  async signer({ algorithm, kid, privateKey }) {
    const header = { alg: algorithm, kid, typ: TYP }
    const sign = () => {
      const iat = Math.floor(Date.now() / 1000)
      return new SignJWT({ ...CLAIMS, iat, exp: iat + TTL_SECONDS })
        .setProtectedHeader(header)
        .sign(privateKey)
    }
    return { way: 'async', act: sign }
  },

  async verifier({ algorithm, publicKey }) {
    const options = { issuer: CLAIMS.iss, audience: CLAIMS.aud, algorithms: [algorithm], typ: TYP }
    return { way: 'async', act: (token) => jwtVerify(token, publicKey, options) }
  },
}
