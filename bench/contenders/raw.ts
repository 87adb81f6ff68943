import { sign, verify } from 'node:crypto'
import { ALGORITHMS, splitCompact } from '@keyturn/core'
import type { Entrant } from '../measuring/contest.ts'
import type { Task } from './contender.ts'

/**
 * What node:crypto takes for the signature alone, with a KeyObject that is made once, over bytes that are there already: the
 * limit of everybody. Each in the form that is fastest; for ES256 that is DER, which no token has, so `raw, P1363` is there too.
 */
export function rawSigners(task: Task, signingInput: Uint8Array): readonly Entrant[] {
  const { algorithm, privateKey } = task
  const { digest } = ALGORITHMS[algorithm]
  const onPool = () =>
    new Promise((resolve, reject) => {
      sign(digest, signingInput, privateKey, (error, signature) =>
        error === null ? resolve(signature) : reject(error),
      )
    })
  const rs = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
  return [
    { name: 'raw', way: 'sync', act: () => sign(digest, signingInput, privateKey) },
    { name: 'raw, thread pool', way: 'async', act: onPool },
    ...ifEcdsa(task, { name: 'raw, P1363', way: 'sync', act: () => sign(digest, signingInput, rs) }),
  ]
}

/** As {@link rawSigners}, with the tokens taken apart beforehand. */
export function rawVerifiers(task: Task, tokens: readonly string[]): readonly Entrant[] {
  const { algorithm, publicKey } = task
  const { digest, signatureCodec } = ALGORITHMS[algorithm]
  const parts = tokens.map((token) => {
    const { signingInput, signature } = splitCompact(token, token.length)
    const bytes = Buffer.from(signature, 'base64url')
    return { input: Buffer.from(signingInput), bytes, native: signatureCodec?.toNative(bytes) ?? bytes }
  })
  let turn = 0
  const next = () => parts[turn++ % parts.length] as (typeof parts)[number]
  const rs = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
  const raw = () => {
    const { input, native } = next()
    return verify(digest, input, publicKey, native)
  }
  const rawRs = () => {
    const { input, bytes } = next()
    return verify(digest, input, rs, bytes)
  }
  return [
    { name: 'raw', way: 'sync', act: raw },
    ...ifEcdsa(task, { name: 'raw, P1363', way: 'sync', act: rawRs }),
  ]
}

function ifEcdsa({ algorithm }: Task, entrant: Entrant): readonly Entrant[] {
  return ALGORITHMS[algorithm].kty === 'EC' ? [entrant] : []
}
