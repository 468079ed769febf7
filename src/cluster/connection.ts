import * as http from 'node:http'
import * as https from 'node:https'
import { alarmOnSilence, type Clock } from './clock.ts'
import type { Access, Credentials } from './credentials.ts'
import { Trouble, troubleFrom, troubleOfAnswer } from './trouble.ts'

/** What is sent: JSON. */
export interface Sending {
  readonly method: 'POST' | 'PUT' | 'PATCH'
  readonly path: string
  readonly body: unknown
  readonly contentType?: string
}

/** Speaks to the API server over few, kept connections. Each verb throws a {@link Trouble}. */
export interface Connection {
  /** The JSON that a GET answers. `heard` is called for each piece of a successful answer. */
  get(path: string, signal: AbortSignal, heard?: () => void): Promise<unknown>
  /**
   * The JSON that a write answers. It may have been done although the answer never came: whoever writes makes it so that
   * a second time does no harm.
   */
  send(sending: Sending, signal: AbortSignal): Promise<unknown>
  /** The bytes that a GET answers, as they come, until nothing comes for `silenceMs`. */
  stream(path: string, signal: AbortSignal, silenceMs: number): Promise<AsyncIterable<Buffer>>
  /** Connections that are open now, idle ones included. */
  sockets(): number
  close(): void
}

/** How long an answer may be silent, and how long it may take in all. */
const answerSilenceMs = 15_000
const answerMs = 60_000

/** An error's body is a Status: a few lines. */
const mostErrorBytes = 65_536

interface Pool {
  readonly name: string
  readonly agent: http.Agent | https.Agent
  users: number
}

/**
 * Opens connections as they are needed.
 *
 * @param mostSockets more than there are streams at once, for each stream keeps one
 */
export function createConnection(credentials: Credentials, clock: Clock, mostSockets: number): Connection {
  const pools = new Set<Pool>()
  let current: Pool | undefined

  const poolFor = (access: Access): Pool => {
    if (current?.name === access.pool) return current
    const options = { keepAlive: true, keepAliveMsecs: 30_000, maxSockets: mostSockets, ...access.tls }
    const agent = access.server.startsWith('http:') ? new http.Agent(options) : new https.Agent(options)
    const before = current
    current = { name: access.pool, agent, users: 0 }
    pools.add(current)
    // Another CA or client certificate: what runs goes on, nothing new starts there.
    if (before) retire(before)
    return current
  }
  const retire = (pool: Pool) => {
    if (pool === current || pool.users > 0) return
    pool.agent.destroy()
    pools.delete(pool)
  }

  const open = async (path: string, signal: AbortSignal, sending?: Sending): Promise<Exchange> => {
    for (let attempt = 0; ; attempt++) {
      const access = await credentials.current()
      signal.throwIfAborted()
      const pool = poolFor(access)
      pool.users++
      const leave = () => {
        pool.users--
        retire(pool)
      }
      try {
        const response = await send(pool.agent, access, path, signal, clock, sending)
        if (response.statusCode === 200 || (sending && response.statusCode === 201)) return { response, leave }
        const trouble = await readTrouble(response, path, clock)
        if (trouble.reason !== 'unauthorized' || attempt > 0) throw trouble
        credentials.renew()
      } catch (error) {
        leave()
        // A kept connection that the server closed at that very moment: not its fault, nor ours.
        if (attempt > 0 || !(error instanceof StaleConnection)) throw troubleFrom(error)
        continue
      }
      leave()
    }
  }

  const answerOf = async ({ response, leave }: Exchange, path: string, heard: () => void): Promise<unknown> => {
    try {
      return parse(await readBody(response, path, clock, heard), path)
    } catch (error) {
      throw troubleFrom(error)
    } finally {
      leave()
    }
  }

  return {
    get: async (path, signal, heard = () => {}) => answerOf(await open(path, signal), path, heard),
    send: async (sending, signal) => answerOf(await open(sending.path, signal, sending), sending.path, () => {}),
    async stream(path, signal, silenceMs) {
      const { response, leave } = await open(path, signal)
      return pieces(response, leave, clock, silenceMs)
    },
    sockets() {
      let count = 0
      for (const { agent } of pools)
        for (const group of [agent.sockets, agent.freeSockets])
          for (const list of Object.values(group)) count += list?.length ?? 0
      return count
    },
    close() {
      for (const { agent } of pools) agent.destroy()
      pools.clear()
      current = undefined
    },
  }
}

interface Exchange {
  readonly response: http.IncomingMessage
  readonly leave: () => void
}

class StaleConnection extends Error {}

/** The head of an answer. The body's `signal` is the same: an abort ends both. */
function send(
  agent: http.Agent,
  access: Access,
  path: string,
  signal: AbortSignal,
  clock: Clock,
  sending: Sending | undefined,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { request } = agent instanceof https.Agent ? https : http
    const body = sending && JSON.stringify(sending.body)
    const outgoing = request(`${access.server}${path}`, {
      agent,
      signal,
      method: sending?.method ?? 'GET',
      headers: {
        ...access.headers,
        accept: 'application/json',
        'user-agent': 'meshgate',
        ...(body === undefined
          ? {}
          : {
              'content-type': sending?.contentType ?? 'application/json',
              'content-length': String(Buffer.byteLength(body)),
            }),
      },
    })
    const alarm = alarmOnSilence(clock, answerSilenceMs, 'answer', () =>
      outgoing.destroy(new Trouble('silent', `the API server does not answer ${path.split('?')[0]}`)),
    )
    outgoing.on('response', (response) => {
      alarm.stop()
      resolve(response)
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      alarm.stop()
      const stale = outgoing.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      reject(stale ? new StaleConnection(error.message) : error)
    })
    outgoing.end(body)
  })
}

async function* pieces(
  response: http.IncomingMessage,
  leave: () => void,
  clock: Clock,
  silenceMs: number,
): AsyncGenerator<Buffer> {
  const alarm = alarmOnSilence(clock, silenceMs, 'silence', () =>
    response.destroy(new Trouble('silent', `nothing came for ${silenceMs / 1000} s`)),
  )
  try {
    for await (const piece of response) {
      alarm.heard()
      yield piece as Buffer
    }
  } catch (error) {
    throw troubleFrom(error)
  } finally {
    alarm.stop()
    response.destroy()
    leave()
  }
}

async function readTrouble(response: http.IncomingMessage, path: string, clock: Clock): Promise<Trouble> {
  const text = (await readBody(response, path, clock, () => {}, mostErrorBytes)).toString('utf8')
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    // A proxy's page, not the API server's Status.
  }
  return troubleOfAnswer(response.statusCode ?? 0, body, response.headers['retry-after'])
}

async function readBody(
  response: http.IncomingMessage,
  path: string,
  clock: Clock,
  heard: () => void,
  mostBytes = Infinity,
): Promise<Buffer> {
  const fail = (why: string) => response.destroy(new Trouble('silent', `the API server ${why} ${path.split('?')[0]}`))
  const alarm = alarmOnSilence(clock, answerSilenceMs, 'answer', () => fail('fell silent in the middle of'))
  const cancel = clock.after(answerMs, 'answer', () => fail(`took more than ${answerMs / 1000} s for`))
  try {
    const pieces: Buffer[] = []
    let bytes = 0
    for await (const piece of response) {
      alarm.heard()
      heard()
      pieces.push(piece as Buffer)
      bytes += (piece as Buffer).length
      if (bytes > mostBytes) break
    }
    return Buffer.concat(pieces)
  } finally {
    alarm.stop()
    cancel()
  }
}

function parse(body: Buffer, path: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new Trouble('corrupt', `the answer to ${path.split('?')[0]} is not JSON`)
  }
}
