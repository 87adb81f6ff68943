import { type Case, jose, keyturn, prepare } from '../differential/contenders.ts'
import { USUAL_POLICY } from '../differential/policies.ts'
import { BYSTANDER, CLAIMS, headerOf, SIGNERS, type Signer, signText } from '../differential/signers.ts'
import { WEAK_SIGNERS } from '../differential/weak-signers.ts'
import type { Fault } from './fault.ts'

const RSA = SIGNERS[0] as Signer
const [, ROCA, WITHOUT_SECRET] = WEAK_SIGNERS as readonly [Signer, Signer, Signer]
const CLAIMS_TEXT = JSON.stringify(CLAIMS)
const GOOD = tokenWith(CLAIMS_TEXT)

/** Tokens and keys that jose takes for good. */
export const TOKEN_FAULTS: readonly Fault[] = [
  fault('jose: padding', `${GOOD}==`),
  fault('jose: white space', `${GOOD.slice(0, -9)} ${GOOD.slice(-9)}`),
  fault(
    'jose: unused bits',
    `${GOOD.slice(0, -1)}${String.fromCharCode(GOOD.charCodeAt(GOOD.length - 1) + 1)}`,
  ),
  fault('jose: a claim twice', tokenWith(CLAIMS_TEXT.replace('{', '{"sub":"somebody else",'))),
  fault('jose: exp of 1e999', tokenWith(CLAIMS_TEXT.replace(/"exp":\d+/, '"exp":1e999'))),
  fault('jose: no exp', tokenWith(CLAIMS_TEXT.replace(/"exp":\d+,/, ''))),
  fault('jose: a ROCA key', tokenWith(CLAIMS_TEXT, ROCA), ROCA),
  fault('jose: e = 1', tokenWith(CLAIMS_TEXT, WITHOUT_SECRET), WITHOUT_SECRET),
]

function tokenWith(claims: string, signer = RSA): string {
  return signText(signer, JSON.stringify(headerOf(signer)), claims)
}

function fault(name: string, token: string, signer = RSA): Fault {
  const keySet = prepare(JSON.stringify({ keys: [signer.jwk, BYSTANDER.jwk] }))
  const given: Case = { token, keySet, policy: USUAL_POLICY, index: 0 }
  return {
    name,
    async measure() {
      const [theirs, ours] = [await jose(given), keyturn(given)]
      return {
        peer: 'claims' in theirs ? 'accepted' : 'refused',
        ours: 'claims' in ours ? 'accepted' : `refused: ${ours.refusal}`,
      }
    },
  }
}
