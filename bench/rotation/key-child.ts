import { generateKeyPairSync } from 'node:crypto'
import { ALGORITHMS, isAlgorithmName } from '@keyturn/core'

/** `node key-child.ts ALGORITHM RSA-BITS`: writes a private key to stdout, in PKCS #8. */

const [algorithm, bits] = process.argv.slice(2)
if (!isAlgorithmName(algorithm)) throw new Error('expected the name of an algorithm')
const { type, options } = ALGORITHMS[algorithm].generation
const { privateKey } = generateKeyPairSync(type as 'rsa', { ...options, modulusLength: Number(bits) })
process.stdout.write(privateKey.export({ type: 'pkcs8', format: 'der' }))
