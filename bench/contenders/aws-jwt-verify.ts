import { JwtVerifier } from 'aws-jwt-verify'
import { CLAIMS, type Contender } from './contender.ts'

/** Verifies alone. Its keys are given to it beforehand, and never end. */
export const awsJwtVerify: Contender = {
  name: 'aws-jwt-verify',

  async signer() {
    return undefined
  },

  async verifier({ jwk }) {
    const verifier = JwtVerifier.create({
      issuer: CLAIMS.iss,
      audience: CLAIMS.aud,
      jwksUri: `${CLAIMS.iss}/.well-known/jwks.json`,
    })
    verifier.cacheJwks({ keys: [{ ...jwk }] })
    return { way: 'sync', act: (token) => verifier.verifySync(token) }
  },
}
