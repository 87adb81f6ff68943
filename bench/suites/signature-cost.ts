import { createHmac, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { ALGORITHMS, type AlgorithmName, availableAlgorithms, cryptoKeyInput } from '@keyturn/core'
import { holdContest, type Pace } from '../measuring/contest.ts'

/** What one signature costs in node:crypto, as this library asks for it. */
export interface SignatureCost {
  readonly algorithm: string
  readonly signMicroseconds: number
  readonly verifyMicroseconds: number
  /** In a token. */
  readonly signatureCharacters: number
}

interface Algorithm {
  readonly name: string
  readonly signatureBytes: number
  readonly sign: () => unknown
  readonly verify: () => unknown
}

const INPUT = randomBytes(400)

/** Every algorithm of this runtime, and HS512 for whoever comes from there. */
export async function runSignatureCost(pace: Pace): Promise<readonly SignatureCost[]> {
  const algorithms = [hmac(), ...availableAlgorithms().map(asymmetric)]
  const costs = async (step: 'sign' | 'verify') => {
    const entrants = algorithms.map((it) => ({ name: it.name, way: 'sync' as const, act: it[step] }))
    const standings = await holdContest(entrants, { ...pace, inFlight: 1 })
    return new Map(standings.map(({ name, perSecond }) => [name, 1e6 / perSecond]))
  }
  const [signing, verifying] = [await costs('sign'), await costs('verify')]
  return algorithms.map(({ name, signatureBytes }) => ({
    algorithm: name,
    signMicroseconds: signing.get(name) ?? Number.NaN,
    verifyMicroseconds: verifying.get(name) ?? Number.NaN,
    signatureCharacters: Math.ceil((signatureBytes * 4) / 3),
  }))
}

function hmac(): Algorithm {
  const secret = randomBytes(64)
  const make = () => createHmac('sha512', secret).update(INPUT).digest()
  return { name: 'HS512', signatureBytes: make().length, sign: make, verify: make }
}

function asymmetric(name: AlgorithmName): Algorithm {
  const algorithm = ALGORITHMS[name]
  const { digest, generation, signatureBytes } = algorithm
  const options = { ...generation.options, modulusLength: 2048 }
  const pair = generateKeyPairSync(generation.type as 'rsa', options)
  const [signer, verifier] = [pair.privateKey, pair.publicKey].map((key) => cryptoKeyInput(key, algorithm))
  if (signer === undefined || verifier === undefined) throw new Error('expected two halves')
  const signature = sign(digest, INPUT, signer)
  return {
    name,
    signatureBytes: signatureBytes ?? signature.length,
    sign: () => sign(digest, INPUT, signer),
    verify: () => verify(digest, INPUT, verifier, signature),
  }
}
