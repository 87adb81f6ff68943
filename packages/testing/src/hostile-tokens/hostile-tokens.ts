import {
  DEFAULT_MAX_TOKEN_LENGTH,
  type JsonObject,
  type PublishedJwk,
  type SigningKey,
  splitCompact,
  type TokenRejectionCode,
} from '@keyturn/core'
import { FORGED_TOKENS } from './forged-tokens.ts'
import { MALFORMED_TOKENS } from './malformed-tokens.ts'
import type { Model, Recipe } from './model.ts'
import { strangerTo } from './stranger.ts'
import { UNFIT_TOKENS } from './unfit-tokens.ts'

/** A token that no service may accept. It can be sent as a Bearer token, and is refused with 401. */
export interface HostileToken {
  /** Continues "a token": `signed by a stranger under the kid of the key`. */
  readonly name: string
  readonly token: string
  /** With one of these it is refused; with the first where the options of a verifier are the default ones. */
  readonly codes: readonly TokenRejectionCode[]
}

/** What {@link hostileTokens} makes them of. */
export interface HostileTokensOptions {
  /** A token that the service accepts, of a user or a client. The others have its claims, but for what is wrong. */
  readonly good: string
  /** The key that has signed it, as the key set has it. */
  readonly publicJwk: PublishedJwk
  /**
   * The same key with its private half, where you have it: then there are well signed ones among them, too, that have expired, are not
   * valid yet, of another issuer, for another audience, of another kind, or lack a claim.
   */
  readonly signingKey?: SigningKey
}

/**
 * Makes one hostile token of every kind that we know: forged and malformed ones, which anybody can make, and unfit ones, which
 * take the issuer's key. All are made by `node:crypto`, and none by the code that is to refuse them.
 *
 * @throws {TokenRejected} where the good one is no token
 * @throws {KeyturnError} `algorithm_unknown`, of the key
 *
 * @example
 * for (const { name, token, codes } of await hostileTokens({ good, publicJwk }))
 *   it(`refuses a token ${name}`, async () => expect(codes).toContain(await codeOf(verifier.verify(token))))
 */
export async function hostileTokens(options: HostileTokensOptions): Promise<readonly HostileToken[]> {
  const { good, publicJwk, signingKey } = options
  const { header, payload, signature } = splitCompact(good, DEFAULT_MAX_TOKEN_LENGTH)
  const model: Model = {
    good,
    parts: [header, payload, signature],
    header: decode(header),
    claims: decode(payload) as Model['claims'],
    publicJwk,
    stranger: await strangerTo(publicJwk),
  }
  const unfit = signingKey === undefined ? [] : await makeAll(UNFIT_TOKENS, { ...model, signingKey })
  return [...(await makeAll([...FORGED_TOKENS, ...MALFORMED_TOKENS], model)), ...unfit]
}

/** Leaves out what has become too long to be looked at, as with ML-DSA, whose signatures leave little room for a second one. */
async function makeAll<From>(recipes: readonly Recipe<From>[], from: From): Promise<readonly HostileToken[]> {
  const made = recipes.map(async ({ name, codes, make }) => ({ name, codes, token: await make(from) }))
  return (await Promise.all(made)).flatMap(({ token, ...rest }) => {
    if (token === undefined) return []
    const isTooLong = token.length > DEFAULT_MAX_TOKEN_LENGTH
    return isTooLong === rest.codes.includes('token_too_long') ? [{ ...rest, token }] : []
  })
}

function decode(part: string): JsonObject {
  return JSON.parse(Buffer.from(part, 'base64url').toString())
}
