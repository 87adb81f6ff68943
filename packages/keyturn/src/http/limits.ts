import { connectionLimit } from './connection-limit.ts'

/** What callers may take of a listener. */
export interface HttpLimits {
  /** All callers together; `undefined` where the system sets no limit to files. */
  readonly connections: number | undefined
  readonly bodyBytes: number
  readonly headerBytes: number
  /** Nesting of a JSON body, which itself counts 1. */
  readonly jsonDepth: number
  /** Requests of one connection that have no answer yet. */
  readonly pipelined: number
  /** From the first byte, or from the connection where none comes, to the last byte of the request. */
  readonly requestMs: number
  /** A connection on which nothing moves in either direction while an answer is due, as when nobody reads it. */
  readonly silenceMs: number
  /** A connection that is kept open between requests. */
  readonly idleMs: number
  /** How often {@link requestMs} is looked at. */
  readonly checkMs: number
}

/** The limits of both listeners. Answers take milliseconds; all of these are generous to a slow network, and to clients that pipeline. */
export const HTTP_LIMITS: HttpLimits = Object.freeze({
  connections: connectionLimit(),
  bodyBytes: 16 * 1024,
  headerBytes: 16 * 1024,
  jsonDepth: 32,
  pipelined: 32,
  requestMs: 10_000,
  silenceMs: 30_000,
  idleMs: 65_000,
  checkMs: 1000,
})
