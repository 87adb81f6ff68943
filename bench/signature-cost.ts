import { createHmac, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { parseArgs } from 'node:util'
import { ALGORITHMS, type AlgorithmName, AVAILABLE_ALGORITHMS } from '@keyturn/core'

/**
 * `node bench/signature-cost.ts`: what one signature and one verification cost in node:crypto, the contenders taking
 * turns, medians of the rounds. Figures of docs/adr/0001, 0005 and 0012.
 */

const { values } = parseArgs({
  options: { json: { type: 'boolean' }, rounds: { type: 'string', default: '7' } },
})
const INPUT = randomBytes(400)
const ROUND_MS = 60

interface Contender {
  readonly name: string
  readonly signatureBytes: number
  readonly sign: () => void
  readonly verify: () => void
}

const contenders = [hmac(), ...AVAILABLE_ALGORITHMS.map(asymmetric)]
const samples = new Map(
  contenders.map(({ name }) => [name, { sign: [] as number[], verify: [] as number[] }]),
)
for (let round = 0; round < Number(values.rounds); round++) {
  for (const contender of contenders) {
    samples.get(contender.name)?.sign.push(microseconds(contender.sign))
    samples.get(contender.name)?.verify.push(microseconds(contender.verify))
  }
}
const rows = contenders.map(({ name, signatureBytes }) => ({
  algorithm: name,
  signMicroseconds: median(samples.get(name)?.sign ?? []),
  verifyMicroseconds: median(samples.get(name)?.verify ?? []),
  signatureCharacters: Math.ceil((signatureBytes * 4) / 3),
}))
if (values.json === true) console.log(JSON.stringify(rows))
else console.table(rows)

function hmac(): Contender {
  const secret = randomBytes(64)
  const make = () => createHmac('sha512', secret).update(INPUT).digest()
  return { name: 'HS512', signatureBytes: make().length, sign: make, verify: make }
}

function asymmetric(name: AlgorithmName): Contender {
  const { digest, cryptoOptions, generation } = ALGORITHMS[name]
  const options = { ...generation.options, modulusLength: 2048 }
  const { privateKey, publicKey } = generateKeyPairSync(generation.type as 'rsa', options)
  const signer = { key: privateKey, dsaEncoding: 'ieee-p1363', ...cryptoOptions } as const
  const verifier = { key: publicKey, dsaEncoding: 'ieee-p1363', ...cryptoOptions } as const
  const signature = sign(digest, INPUT, signer)
  return {
    name,
    signatureBytes: signature.length,
    sign: () => sign(digest, INPUT, signer),
    verify: () => verify(digest, INPUT, verifier, signature),
  }
}

function microseconds(action: () => void): number {
  const startedAt = performance.now()
  let times = 0
  for (; performance.now() - startedAt < ROUND_MS; times += 10) for (let i = 0; i < 10; i++) action()
  return ((performance.now() - startedAt) * 1000) / times
}

function median(numbers: readonly number[]): number {
  return (
    Math.round((numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN) * 10) / 10
  )
}
