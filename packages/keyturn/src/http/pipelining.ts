import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection. */
interface Load {
  /** Without an answer. */
  underWay: number
  /** Since the event loop last turned, answered or not: those that come with a body are answered between one and the next. */
  atOnce: number
}

/**
 * Hands on the requests of a connection as long as at most so many of them are without an answer, or came at once, and hangs up at
 * the next: a flood would be answered before anybody else is heard. Whoever pipelines reckons with a connection that ends, and asks
 * again for what was not answered (RFC 9112, section 9.3.2).
 */
export function limitPipelining(listener: RequestListener, most: number): RequestListener {
  const loads = new WeakMap<Socket, Load>()
  const loadOf = (socket: Socket): Load => {
    const known = loads.get(socket)
    if (known !== undefined) return known
    const load = { underWay: 0, atOnce: 0 }
    loads.set(socket, load)
    return load
  }
  return (request, response) => {
    const { socket } = request
    // what had come already is still parsed
    if (socket.destroyed) return
    const load = loadOf(socket)
    if (load.atOnce === 0) setImmediate(() => Object.assign(load, { atOnce: 0 }))
    load.atOnce += 1
    load.underWay += 1
    if (load.underWay > most || load.atOnce > most) {
      socket.destroy()
      return
    }
    response.once('close', () => {
      load.underWay -= 1
    })
    listener(request, response)
  }
}
