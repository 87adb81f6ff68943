import { type Channel, channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { assertNames, isolatedListener, type KeysUnavailable, TokenRejected } from '@keyturn/core'
import type { TokenEvent, VerifierEvent } from './events.ts'
import { optionInvalid } from './option-invalid.ts'

type AnyMessage =
  | (VerifierEvent & { readonly issuer: string })
  /** `undefined` for a token of no issuer that a verifier of several knows. */
  | (TokenEvent & { readonly issuer: string | undefined })

/** An event as it is published: with the issuer that the verifier is configured for. */
export type VerifierMessage<Kind extends AnyMessage['kind'] = AnyMessage['kind']> = Extract<
  AnyMessage,
  { readonly kind: Kind }
>

/** Looked up once, so that an event asks no more than whether somebody listens. */
const CHANNELS: Readonly<Record<VerifierMessage['kind'], Channel>> = Object.freeze({
  'keys-replaced': channel('keyturn:verifier:keys-replaced'),
  'keys-confirmed': channel('keyturn:verifier:keys-confirmed'),
  'keys-fetch-failed': channel('keyturn:verifier:keys-fetch-failed'),
  'fallback-keys-used': channel('keyturn:verifier:fallback-keys-used'),
  'circuit-opened': channel('keyturn:verifier:circuit-opened'),
  'circuit-closed': channel('keyturn:verifier:circuit-closed'),
  'snapshot-failed': channel('keyturn:verifier:snapshot-failed'),
  'unknown-kid-over-budget': channel('keyturn:verifier:unknown-kid-over-budget'),
  'token-rejected': channel('keyturn:verifier:token-rejected'),
  'keys-unavailable': channel('keyturn:verifier:keys-unavailable'),
})

/** The kinds of events. Each has a channel of `node:diagnostics_channel`: `keyturn:verifier:` and the kind. */
export const VERIFIER_EVENTS = Object.freeze(Object.keys(CHANNELS)) as readonly VerifierMessage['kind'][]

/**
 * Hears one kind of event from every verifier of this process, wherever it was made. What fails in the listener becomes a
 * warning of the process, with the code `KEYTURN_LISTENER`; whoever subscribes to the channel itself has Node's rule instead,
 * by which it ends the process. It is called while the token waits: be short.
 *
 * @returns what ends it
 * @throws {KeyturnError} `verifier_options_invalid`: there is no such event
 *
 * @example
 * onVerifierEvent('token-rejected', ({ issuer, code }) => log.info({ issuer, code }, 'token rejected'))
 */
export function onVerifierEvent<Kind extends VerifierMessage['kind']>(
  kind: Kind,
  listener: (message: VerifierMessage<Kind>) => unknown,
): () => void {
  assertNames({ [kind]: listener }, VERIFIER_EVENTS, 'verifier_options_invalid', 'no event of a verifier')
  if (typeof listener !== 'function') {
    throw optionInvalid('listener', 'a function')
  }
  const { name } = CHANNELS[kind]
  const tell = isolatedListener<VerifierMessage<Kind>>(listener)
  const hear = (message: unknown) => tell(message as VerifierMessage<Kind>)
  subscribe(name, hear)
  return () => void unsubscribe(name, hear)
}

/** Publishes what has happened to the keys of a verifier. Never throws: Node takes what a subscriber throws out of the way. */
export function publishEvent(issuer: string, event: VerifierEvent): void {
  const to = CHANNELS[event.kind]
  if (to.hasSubscribers) to.publish({ issuer, ...event } satisfies VerifierMessage)
}

/** Publishes that a token did not pass; makes nothing while nobody listens. Never throws. */
export function publishRefusal(issuer: string | undefined, error: TokenRejected | KeysUnavailable): void {
  const to = CHANNELS[error instanceof TokenRejected ? 'token-rejected' : 'keys-unavailable']
  if (to.hasSubscribers) to.publish({ issuer, ...tokenEventOf(error) } satisfies VerifierMessage)
}

function tokenEventOf(error: TokenRejected | KeysUnavailable): TokenEvent {
  return error instanceof TokenRejected
    ? { kind: 'token-rejected', code: error.code }
    : { kind: 'keys-unavailable', retryAfterSeconds: error.retryAfterSeconds }
}
