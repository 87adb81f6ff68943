import type { AlgorithmName } from './algorithms.ts'
import type { PublishedJwk } from './public-jwk.ts'

/** Time, as a port: a test moves it, the product reads the machine's. */
export interface Clock {
  /** Wall clock in milliseconds since the epoch. May jump. */
  now(): number
  /** Milliseconds since some fixed instant. Never jumps, never runs backwards. */
  monotonicNow(): number
  /**
   * Calls back once after a delay in milliseconds, or earlier when the delay is beyond what timers can hold (24 days):
   * whoever is called looks at the clock again. Returns what cancels it. Does not keep the process alive.
   */
  setTimer(callback: () => void, delayMs: number): () => void
}

/** A private key that somebody holds: its bytes never cross this port. */
export interface SigningKey {
  readonly kid: string
  readonly alg: AlgorithmName
  readonly publicJwk: PublishedJwk
  /** Signs bytes; the signature has the form of RFC 7518 (ECDSA as r||s). Holds up the event loop no longer than it takes to hand over. */
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

/** What a timer of Node can hold; with more it fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The machine's clock. Nothing in core reads it: it is the default of those who compose. */
export const systemClock: Clock = Object.freeze({
  now: () => Date.now(),
  monotonicNow: () => performance.now(),
  setTimer(callback: () => void, delayMs: number) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), LONGEST_TIMER_MS))
    timer.unref()
    return () => clearTimeout(timer)
  },
})
