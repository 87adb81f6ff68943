import type { TokenRejectionCode } from '@keyturn/core'

/** What happens to a verifier's keys, for logs and metrics. Kids and codes; never a token. */
export type VerifierEvent =
  | {
      readonly kind: 'keys-replaced'
      readonly added: readonly string[]
      readonly removed: readonly string[]
      /** Keys of the document that cannot be used, by their code. */
      readonly skipped: readonly string[]
    }
  | { readonly kind: 'keys-confirmed' }
  | {
      readonly kind: 'keys-fetch-failed'
      readonly code: string
      readonly failures: number
      readonly retryInMs: number
    }
  /** The endpoint answers no more, and is left alone between attempts. Told once an outage, as is its end. */
  | { readonly kind: 'circuit-opened'; readonly code: string }
  | { readonly kind: 'circuit-closed'; readonly failures: number }
  /** The endpoint cannot be asked, and keys from before are used: of the process before, or pinned ones. */
  | {
      readonly kind: 'fallback-keys-used'
      readonly source: 'snapshot' | 'pinned'
      readonly kids: readonly string[]
    }
  /** The snapshot cannot be read, or written: the next cold start may be without. */
  | { readonly kind: 'snapshot-failed'; readonly operation: 'read' | 'write'; readonly code: string }
  /** Unknown kids come faster than they may cause fetches: somebody is guessing. */
  | { readonly kind: 'unknown-kid-over-budget' }

/** What becomes of a token that does not pass. Never the token, nor what is in it. */
export type TokenEvent =
  | { readonly kind: 'token-rejected'; readonly code: TokenRejectionCode }
  /** Nothing can be said of a token, since its keys cannot be had. */
  | { readonly kind: 'keys-unavailable'; readonly retryAfterSeconds: number }
