import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Access, Credentials } from '../../src/cluster/credentials.ts'

/** A request that waits for its answer. */
export interface Exchange {
  readonly method: string
  /** What was sent. */
  readonly body: Promise<string>
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: NodeJS.Dict<string | string[]>
  /** A complete answer. */
  answer(status: number, body: unknown, headers?: Readonly<Record<string, string>>): void
  /** A page of a list. */
  list(items: readonly object[], resourceVersion: string, next?: string): void
  /** Writes a piece of a stream as it is; begins the answer if need be. */
  write(text: string): void
  event(type: string, object: object): void
  end(): void
  reset(): void
  /** Resolves when the client has gone. */
  readonly left: Promise<void>
}

/** An API server that says what the test says. */
export interface ScriptedServer {
  readonly url: string
  /** The next request; they come in the order in which they arrived. */
  next(): Promise<Exchange>
  /** Requests so far, answered or not. */
  requests(): number
  readonly credentials: Credentials
  close(): Promise<void>
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const arrived: Exchange[] = []
  const waiting: ((exchange: Exchange) => void)[] = []
  const sockets = new Set<Socket>()
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    const url = new URL(request.url ?? '', 'http://localhost')
    const exchange = exchangeOf(url, request, response)
    const wanted = waiting.shift()
    if (wanted) wanted(exchange)
    else arrived.push(exchange)
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const access: Access = { server: url, headers: {}, tls: {}, pool: url }
  return {
    url,
    next: () => {
      const exchange = arrived.shift()
      return exchange ? Promise.resolve(exchange) : new Promise((resolve) => waiting.push(resolve))
    },
    requests: () => requests,
    credentials: { current: async () => access, renew() {} },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function exchangeOf(url: URL, request: IncomingMessage, response: ServerResponse): Exchange {
  const json = { 'content-type': 'application/json' }
  const exchange: Exchange = {
    method: request.method ?? '',
    body: text(request),
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    answer(status, body, more = {}) {
      response.writeHead(status, { ...json, ...more }).end(typeof body === 'string' ? body : JSON.stringify(body))
    },
    list(items, resourceVersion, next) {
      exchange.answer(200, { kind: 'List', metadata: { resourceVersion, ...(next ? { continue: next } : {}) }, items })
    },
    write(text) {
      if (!response.headersSent) response.writeHead(200, json)
      if (text === '') response.flushHeaders()
      else response.write(text)
    },
    event(type, object) {
      exchange.write(`${JSON.stringify({ type, object })}\n`)
    },
    end: () => {
      exchange.write('')
      response.end()
    },
    reset: () => {
      response.socket?.resetAndDestroy()
    },
    left: new Promise((resolve) => response.on('close', resolve)),
  }
  return exchange
}

/** What an error of the API server looks like. */
export function status(code: number, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message }
}
