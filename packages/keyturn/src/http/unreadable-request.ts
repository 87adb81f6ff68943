import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { HTTP_LIMITS } from './limits.ts'
import { problemDocument } from './problem.ts'

/** What Node says of bytes that are no HTTP request, or one that it will not read (its error codes). */
const ANSWER_BY_ERRNO: Readonly<Record<string, readonly [status: number, detail: string]>> = Object.freeze({
  HPE_HEADER_OVERFLOW: [431, `expected headers of at most ${HTTP_LIMITS.headerBytes} bytes`],
  ERR_HTTP_REQUEST_TIMEOUT: [408, `expected the whole request within ${HTTP_LIMITS.requestMs / 1000} s`],
})
/** For the answer to arrive. */
const FAREWELL_MS = 1000
const NO_HTTP = [400, 'expected a request of HTTP/1.1'] as const

/** Answers what never became a request, in the shape of every other refusal, and hangs up. */
export function answerUnreadableRequest(error: { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  // one that goes on sending, and does not hang up in its turn, is not waited for
  setTimeout(() => socket.destroy(), FAREWELL_MS).unref()
  const [status, detail] = ANSWER_BY_ERRNO[error.code ?? ''] ?? NO_HTTP
  const body = problemDocument({ status, code: 'request_unreadable', detail })
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}
