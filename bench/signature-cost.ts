import { createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { parseArgs } from 'node:util'

/**
 * `node bench/signature-cost.ts`: what one signature and one verification cost in node:crypto, the contenders taking
 * turns, medians of the rounds. Figures of docs/adr/0001 and 0005.
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

const contenders = [
  hmac(),
  asymmetric('RS256', 'sha256', generateKeyPairSync('rsa', { modulusLength: 2048 })),
  asymmetric('ES256', 'sha256', generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  asymmetric('EdDSA', null, generateKeyPairSync('ed25519')),
]
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

function asymmetric(
  name: string,
  digest: string | null,
  pair: { privateKey: KeyObject; publicKey: KeyObject },
): Contender {
  const dsaEncoding = 'ieee-p1363' as const
  const signature = sign(digest, INPUT, { key: pair.privateKey, dsaEncoding })
  return {
    name,
    signatureBytes: signature.length,
    sign: () => sign(digest, INPUT, { key: pair.privateKey, dsaEncoding }),
    verify: () => verify(digest, INPUT, { key: pair.publicKey, dsaEncoding }, signature),
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
