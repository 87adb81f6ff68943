import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { KeysUnavailable, KeyturnError, ownOptions, type Session } from '@keyturn/core'
import type { WebSocket, WebSocketServer } from 'ws'
import {
  type BearerOptions,
  type BearerOutcome,
  bearerGuard,
  isRefusal,
  orInternalError,
} from '../access/bearer.ts'
import { LiveSession } from '../access/live-session.ts'
import type { TokenVerifier } from '../token-verifier.ts'
import type { TokenEnd } from '../token-watch.ts'
import { answerTo, authorizationOf, type HttpAnswer, throwUncaught } from './http-answer.ts'

/** What the {@link guard} of a WebSocket server asks for. */
export interface SocketGuardOptions extends BearerOptions {
  /**
   * Takes the token also from a subprotocol `keyturn.bearer.<token>`, offered beside the one that is spoken: browsers cannot
   * set headers. Never from the query string, which ends up in logs. Default `false`.
   */
  readonly allowSubprotocolToken?: boolean
}

/** Who speaks on a socket, now. */
export interface SocketCaller {
  /** Of the token in force. */
  readonly session: Session
  /**
   * Puts another token in force, which the client has sent in a message of the application's own protocol. It must be good
   * by the same rules, and of the same caller. A refusal changes nothing: the token in force stays so until its end, and the
   * socket with it. While one token is looked at, another is refused with `authentication_pending`; messages go on coming.
   */
  renew(token: unknown): Promise<BearerOutcome>
}

/** The token ended: come back with another. */
const TOKEN_ENDED = 4401
/** The keys cannot be had: come back later (RFC 6455's registry: Try Again Later). */
const TRY_AGAIN_LATER = 1013
const SUBPROTOCOL = 'keyturn.bearer.'

const callers = new WeakMap<WebSocket, LiveSession>()

/**
 * Listens to `upgrade`. A good Bearer token makes a socket, of which the WebSocket server tells with `connection` as always;
 * {@link callerOf} says who speaks on it. Others are answered before the handshake, over HTTP: 400, 401, 403, or 503 while
 * keys cannot be had. The socket is closed with 4401 when its token expires or the token's key leaves the key set, with 1013
 * when keys cannot be had for so long that nothing is certain; from then on no message of it is heard. A `check` of the verifier
 * that fails is answered 500, and becomes a warning of the process (`KEYTURN_GUARD`).
 *
 * @param server - Made with `noServer: true`, so that nobody gets past the guard.
 * @throws {KeyturnError} `guard_options_invalid`
 *
 * @example
 * const sockets = new WebSocketServer({ noServer: true })
 * httpServer.on('upgrade', guard(verifier, { scopes: ['orders:read'] }, sockets))
 * sockets.on('connection', (socket) => socket.send(`hello ${callerOf(socket).session.userId}`))
 */
export function guard(
  verifier: TokenVerifier,
  options: SocketGuardOptions,
  server: WebSocketServer,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const { allowSubprotocolToken = false, ...rules } = ownOptions(options, 'guard_options_invalid')
  const bearer = bearerGuard(verifier, rules)
  if (typeof allowSubprotocolToken !== 'boolean') {
    throw new KeyturnError('guard_options_invalid', 'allowSubprotocolToken: expected a boolean')
  }
  if (server?.options?.noServer !== true) {
    throw new KeyturnError('guard_options_invalid', 'expected a WebSocketServer made with noServer: true')
  }
  const decide = async (request: IncomingMessage): Promise<BearerOutcome> => {
    const { tokens, isAlone } = allowSubprotocolToken ? takeTokens(request) : NO_TOKENS
    // a client that offers subprotocols hangs up when none of them is chosen
    if (isAlone) return bearer.refused('subprotocol_missing')
    const credentials = [...authorizationOf(request), ...tokens.map((token) => `Bearer ${token}`)]
    return await bearer.decide(credentials)
  }

  return (request, socket, head) => {
    const destroy = () => void socket.destroy()
    socket.on('error', destroy)
    const proceed = (outcome: BearerOutcome) => {
      if (socket.destroyed) return
      if (isRefusal(outcome)) return answer(socket, answerTo(outcome.refusal))
      socket.off('error', destroy)
      server.handleUpgrade(request, socket, head, (webSocket) => {
        const onEnd = (reason: TokenEnd) => end(webSocket, reason)
        const live = new LiveSession({ verifier, guard: bearer, admission: outcome, onEnd })
        callers.set(webSocket, live)
        webSocket.once('close', () => live.close())
        // a frame that is none ends this socket, which ws closes; without a listener it would end the process
        webSocket.on('error', () => {})
        server.emit('connection', webSocket, request)
      })
    }
    void orInternalError(decide(request)).then(proceed).catch(throwUncaught)
  }
}

/**
 * Who speaks on a socket that came through a {@link guard}.
 *
 * @throws {KeyturnError} `socket_not_guarded`
 */
export function callerOf(socket: WebSocket): SocketCaller {
  const caller = callers.get(socket)
  if (caller !== undefined) return caller
  throw new KeyturnError('socket_not_guarded', 'expected a socket that came through guard')
}

function end(socket: WebSocket, reason: TokenEnd): void {
  // ws goes on delivering until the other side has closed too, and that side may take its time
  const emit = socket.emit.bind(socket)
  socket.emit = (name: string | symbol, ...rest: unknown[]) => name !== 'message' && emit(name, ...rest)
  socket.close(reason instanceof KeysUnavailable ? TRY_AGAIN_LATER : TOKEN_ENDED, reason.code)
}

function answer(socket: Duplex, { status, headers, body }: HttpAnswer): void {
  const length = String(Buffer.byteLength(body))
  const all = { ...headers, connection: 'close', 'content-length': length }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  socket.once('finish', () => void socket.destroy())
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'))
}

interface OfferedTokens {
  readonly tokens: readonly string[]
  /** Nothing else was offered. */
  readonly isAlone: boolean
}
const NO_TOKENS: OfferedTokens = Object.freeze({ tokens: [], isAlone: false })

/** Takes the tokens out of what the client offers, so that ws does not choose one, and so send it back, as the subprotocol. */
function takeTokens({ headers }: IncomingMessage): OfferedTokens {
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? []
  const isToken = (name: string) => name.startsWith(SUBPROTOCOL)
  const tokens = offered.filter(isToken).map((name) => name.slice(SUBPROTOCOL.length))
  const others = offered.filter((name) => !isToken(name))
  if (tokens.length > 0) headers['sec-websocket-protocol'] = others.join(', ')
  return { tokens, isAlone: tokens.length > 0 && others.length === 0 }
}
