import type { Server, Socket } from 'node:net'

/** In all: an API server keeps 25 idle ones, and opens some hundreds in a burst. */
const mostConnections = 2000

/** From one address. The rest is for others, the API servers among them. */
const mostOfSource = 1000

/**
 * Bounds how many connections there are. One too many is cut off at once, before it costs a handshake.
 *
 * @param most from one address
 */
export function capConnections(server: Server, most: number = mostOfSource): void {
  server.maxConnections = mostConnections
  const open = new Map<string, number>()
  // Before anybody has it wait, or shakes hands.
  server.prependListener('connection', (socket: Socket) => {
    const source = socket.remoteAddress ?? ''
    const count = open.get(source) ?? 0
    if (count >= most) return void socket.destroy()
    open.set(source, count + 1)
    socket.once('close', () => {
      const rest = (open.get(source) ?? 1) - 1
      if (rest > 0) open.set(source, rest)
      else open.delete(source)
    })
  })
}
