import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Hands on the requests of a connection as long as at most so many of them are without an answer, and hangs up at the next:
 * a flood that was sent at once would be answered before anybody else is heard. Whoever pipelines reckons with a connection
 * that ends, and asks again for what was not answered (RFC 9112, section 9.3.2).
 */
export function limitPipelining(listener: RequestListener, atOnce: number): RequestListener {
  const underWay = new WeakMap<Socket, number>()
  const add = (socket: Socket, change: number) => {
    const count = (underWay.get(socket) ?? 0) + change
    underWay.set(socket, count)
    return count
  }
  return (request, response) => {
    const { socket } = request
    // what had come already is still parsed
    if (socket.destroyed) return
    if (add(socket, 1) > atOnce) {
      socket.destroy()
      return
    }
    response.once('close', () => add(socket, -1))
    listener(request, response)
  }
}
