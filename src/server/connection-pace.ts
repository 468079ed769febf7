import type { Server, Socket } from 'node:net'

/** How many connections each source may open: a shake of hands costs more than a small review. */
export interface Pace {
  /** Takes one from what the source has left; false where that is nothing. */
  take(source: string): boolean
  /** A review of this source was answered: it may open one connection more. */
  earn(source: string): void
}

/** What a source has that has not been seen for a while. */
const mostUnearned = 100

const unearnedPerSecond = 20

/** An API server keeps 25 connections and opens some hundreds in a burst, one for each review that finds none idle. */
const mostEarned = 1000

/** Sources that are remembered. One that is forgotten has what a new one has. */
const mostSources = 4096

interface Allowance {
  left: number
  at: number
}

/**
 * A source may open 100 connections, then 20 a second, and one more for each of its reviews that is answered. An API server
 * never opens more connections than it has reviews, so that it earns what it needs; who only shakes hands does not.
 *
 * @param clock seconds, monotonic
 */
export function createPace(clock: () => number): Pace {
  const sources = new Map<string, Allowance>()
  const allowanceOf = (source: string): Allowance => {
    const now = clock()
    let found = sources.get(source)
    if (found === undefined) {
      if (sources.size >= mostSources) sources.clear()
      sources.set(source, (found = { left: mostUnearned, at: now }))
    }
    if (found.left < mostUnearned)
      found.left = Math.min(mostUnearned, found.left + (now - found.at) * unearnedPerSecond)
    found.at = now
    return found
  }
  return {
    take(source) {
      const allowance = allowanceOf(source)
      if (allowance.left < 1) return false
      allowance.left--
      return true
    },
    earn(source) {
      const allowance = allowanceOf(source)
      allowance.left = Math.min(mostEarned, allowance.left + 1)
    },
  }
}

/** As long as a handshake may take. */
const longestWaitMs = 10_000

const lookEveryMs = 20

interface Waiting {
  readonly socket: Socket
  readonly since: number
}

/**
 * Has connections that are too many at once wait before anything is done for them, the first of each source first. None is cut
 * off for it: an API server that would have to wait sends its review by a connection that becomes idle meanwhile. Who has
 * waited as long as a handshake may take is let go.
 *
 * To be called before anybody else listens for connections.
 *
 * @param onWait told of each connection that must wait
 */
export function paceConnections(server: Server, pace: Pace, onWait: () => void = () => undefined): void {
  const accepting = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  for (const listener of accepting) server.removeListener('connection', listener)
  const accept = (socket: Socket) => {
    if (!socket.destroyed) for (const listener of accepting) listener.call(server, socket)
  }
  const waiting = new Map<string, Waiting[]>()
  let timer: NodeJS.Timeout | undefined
  const look = () => {
    const now = Date.now()
    for (const [source, queue] of waiting) {
      let next = queue[0]
      while (next !== undefined) {
        const { socket, since } = next
        if (socket.destroyed || now - since > longestWaitMs) socket.destroy()
        else if (pace.take(source)) accept(socket)
        else break
        queue.shift()
        next = queue[0]
      }
      if (queue.length === 0) waiting.delete(source)
    }
    if (waiting.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
  server.on('connection', (socket: Socket) => {
    const source = socket.remoteAddress ?? ''
    const queue = waiting.get(source)
    if (queue === undefined && pace.take(source)) return accept(socket)
    socket.on('error', () => socket.destroy())
    const one = { socket, since: Date.now() }
    if (queue) queue.push(one)
    else waiting.set(source, [one])
    onWait()
    timer ??= setInterval(look, lookEveryMs).unref()
  })
}
