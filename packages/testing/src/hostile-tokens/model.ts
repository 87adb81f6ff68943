import type { JsonObject, PublishedJwk, SigningKey, TokenRejectionCode } from '@keyturn/core'

/** What hostile tokens are made of: a good one, the key behind it, and another key. */
export interface Model {
  readonly good: string
  /** The three parts of the good one, still encoded. */
  readonly parts: readonly [header: string, payload: string, signature: string]
  readonly header: JsonObject
  readonly claims: JsonObject & { readonly exp: number }
  readonly publicJwk: PublishedJwk
  readonly stranger: SigningKey
}

/** One kind of hostile token. */
export interface Recipe<From = Model> {
  /** Continues "a token". */
  readonly name: string
  readonly codes: readonly TokenRejectionCode[]
  /** `undefined` where a good token of this form cannot be spoiled this way. */
  make(from: From): string | undefined | Promise<string>
}

/** Encodes a part of a token: text as it is, so that it need not be JSON. */
export function encode(part: object | string): string {
  const text = typeof part === 'string' ? part : JSON.stringify(part)
  return Buffer.from(text).toString('base64url')
}

/** Signs whatever it is given. */
export async function jws(
  key: SigningKey,
  header: object | string,
  payload: object | string,
): Promise<string> {
  const signingInput = `${encode(header)}.${encode(payload)}`
  const signature = await key.sign(Buffer.from(signingInput))
  return `${signingInput}.${Buffer.from(signature).toString('base64url')}`
}
