import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { problemDocument } from './problem.ts'

/** What Node says of bytes that are no HTTP request, or one that it will not read (its error codes). */
const STATUS_BY_ERRNO: Readonly<Record<string, number>> = Object.freeze({
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
})

/** Answers what never became a request, in the shape of every other refusal, and hangs up. */
export function answerUnreadableRequest(error: { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status = STATUS_BY_ERRNO[error.code ?? ''] ?? 400
  const detail = 'the request cannot be read'
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
