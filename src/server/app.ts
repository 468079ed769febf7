import { Server, type ServerOptions } from 'node:https'
import { type FastifyInstance, fastify, LogController } from 'fastify'
import { answerCanary } from '../admission/canary.ts'
import { type Court, nothing } from '../admission/court.ts'
import { judge, mend } from '../admission/judge.ts'
import { respond, respondWithPatch } from '../admission/respond.ts'
import { createGate, mostBodyBytes } from './admission-gate.ts'
import { answerReviews, type Decide } from './answer-reviews.ts'
import { handleClientError } from './client-errors.ts'
import { watchClients } from './client-names.ts'
import { capConnections } from './connection-cap.ts'
import { createPace, paceConnections } from './connection-pace.ts'
import { createExemptionUse } from './exemption-use.ts'
import { buildHealthServer, type HealthSource, serveHealth } from './health.ts'
import type { Metrics } from './metrics.ts'
import { partingAnswer } from './parting-answer.ts'
import { type Log, plainLog } from './plain-log.ts'
import { Refusal } from './refusal.ts'
import { createTurns } from './turns.ts'

/** What the server needs from outside. */
export interface ServerDependencies {
  /** Read anew at each review: the configuration may change. */
  readonly court: Omit<Court, 'now' | 'outOfTime'>
  readonly metrics: Metrics
  /** Seconds, monotonic. */
  readonly clock: () => number
  /** Milliseconds since 1970. */
  readonly now?: () => number
  /** Where logs go, a JSON line each; nothing is logged without. Bodies never are. */
  readonly log?: Log
  /**
   * What a denial waits for before it is given; then the review is judged once more, in case that the surroundings changed.
   * What was created or changed a moment ago may not have been heard of yet.
   */
  readonly settle?: () => Promise<unknown>
  /** For TLS; plain HTTP without (tests inject requests). */
  readonly tls?: ServerOptions
  /** Which of several replicas this is: what a canary is told. */
  readonly pod?: string
  /** Names one of which a client's certificate must have; with `requestCert` in `tls`. */
  readonly clientNames?: readonly string[]
  /** Reasons for which the server is not ready, each with its word on it; empty is ready. */
  readonly unready?: () => readonly string[]
  /** What is not known of the surroundings, and why; and whatever else is worth a line. */
  readonly troubles?: () => readonly string[]
}

/** The webhook's server. Drain it before closing: kept connections must learn that this replica is going. */
export interface App {
  readonly server: FastifyInstance
  /** The same news of it for whoever has no certificate: plain HTTP. */
  readonly health: FastifyInstance
  /** From now on: not ready, and every answer closes its connection. */
  readonly drain: () => void
  /** From now on, new connections are served with this. Throws, and serves on as before, where TLS does not take it. */
  readonly renew: (tls: ServerOptions) => void
  /** Who is connected may go on for one more answer, and then shows his certificate again. */
  readonly forgetClients: () => void
}

/** Nearly every review is smaller. */
const smallBodyBytes = 65_536

/**
 * Builds the server; it does not listen yet.
 *
 * Timeouts outlast the API server's: it keeps idle connections for 90 s and does not retry a POST, so a server that closes
 * first loses calls (hence 120 s).
 */
export function buildApp(dependencies: ServerDependencies): App {
  const { court, metrics, clock, now = Date.now, log, settle, tls } = dependencies
  const { unready = () => [], troubles = () => [], clientNames, pod = 'unnamed' } = dependencies
  const gate = createGate()
  const turns = createTurns()
  metrics.watch(gate)
  const exemptionUse = createExemptionUse()
  metrics.watchExemptions(() => exemptionUse.count(court.config.enforcement.exemptions, now()))
  let draining = false
  const server = fastify({
    // Node looks for connections that are over time every 30 s unless told otherwise.
    https: tls ? { ...tls, connectionsCheckingInterval: 5000 } : null,
    logger: log
      ? { level: 'info', stream: plainLog(log), serializers: { req: ({ method, url }) => ({ method, url }) } }
      : false,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: mostBodyBytes,
    keepAliveTimeout: 120_000,
    requestTimeout: 30_000,
    clientErrorHandler: handleClientError,
    connectionTimeout: 0,
    maxRequestsPerSocket: 1000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { caseSensitive: true },
    // Its type depends on whether there is TLS; nothing below does.
  }) as unknown as FastifyInstance
  server.server.headersTimeout = 10_000
  const pace = createPace(clock)
  paceConnections(server.server, pace, () => metrics.delayed())
  capConnections(server.server)
  const clients = tls?.requestCert ? watchClients(server.server, clientNames ?? []) : undefined

  server.decorateRequest('arrived', 0)
  server.addHook('onRequest', (request, reply, done) => {
    request.arrived = clock()
    const { socket } = request
    if (draining || clients?.isCurrent(socket) === false) reply.header('connection', 'close')
    if (clients?.admits(socket) === false) {
      reply.header('connection', 'close')
      return done(new Refusal(403, 'client-name', 'the client certificate has none of the names that are welcome'))
    }
    if (request.method !== 'POST') return done()
    if ((request.headers['content-encoding'] ?? 'identity') !== 'identity')
      return done(new Refusal(415, 'content-encoding', 'send the body as it is, without Content-Encoding'))
    // A body whose length is not told may be as long as any.
    const bytes = Number(request.headers['content-length'] ?? mostBodyBytes)
    if (bytes > mostBodyBytes) {
      reply.header('connection', 'close')
      return done(new Refusal(413, 'http-413', `a review has at most ${mostBodyBytes} bytes`))
    }
    const exit = gate.enter(bytes, request.ip)
    if (typeof exit === 'string') {
      reply.header('retry-after', '1')
      // Another replica may have room. But whoever floods this one would shake hands anew, which costs more than a small body.
      if (exit === 'full' || bytes > smallBodyBytes) reply.header('connection', 'close')
      const reason = exit === 'full' ? 'overload' : 'overload-by-source'
      return turns.take(request.ip, () => done(new Refusal(503, reason, 'too many reviews at once; try again')))
    }
    // However it ends: answered, or cut off at any moment.
    reply.raw.once('close', exit)
    done()
  })

  server.addHook('preHandler', (request, _reply, done) => {
    if (request.method === 'POST') turns.take(request.ip, done)
    else done()
  })

  // Our own parser: `__proto__` is a legal key of a ConfigMap, and no object may be refused for its content.
  server.removeAllContentTypeParsers()
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(String(body)))
    } catch {
      done(new Refusal(400, 'not-json', 'the body is not JSON'))
    }
  })

  server.setErrorHandler((error, request, reply) => {
    const { statusCode = 500, message } = error as { statusCode?: number; message: string }
    const known = statusCode < 500 || error instanceof Refusal
    metrics.rejected(error instanceof Refusal ? error.reason : known ? `http-${statusCode}` : 'internal')
    if (!known) request.log.error({ err: error }, 'request failed')
    const text = known ? message : 'meshgate failed; see its log'
    reply.code(statusCode).type('text/plain')
    const isCutOff = reply.getHeader('connection') === 'close' && !request.raw.complete
    if (!isCutOff) return reply.send(text)
    return reply.header('content-length', Buffer.byteLength(text)).send(partingAnswer(text, request.raw))
  })

  const answer = (path: string, decide: Decide) =>
    server.post(
      path,
      answerReviews({ court, metrics, clock, now, settle, pace, exemptionUse, log: server.log }, path, decide),
    )
  answer('/validate', (review, court) => {
    const answered = answerCanary(review, pod)
    if (answered) return { verdict: nothing, answer: answered, word: 'canary' }
    const verdict = judge(review, court)
    const answer = respond(review, verdict, court.snapshot.scope)
    const { allowed, warnings } = answer.response
    return { verdict, answer, word: allowed ? (warnings ? 'warned' : 'allowed') : 'denied' }
  })

  answer('/mutate', (review, court) => {
    const { edits, failures } = mend(review, court)
    const answer = respondWithPatch(review, edits, (text) => Buffer.from(text).toString('base64'))
    const word = answer.response.patch === undefined ? 'allowed' : 'patched'
    return { verdict: { ...nothing, failures }, answer, word }
  })

  const news: HealthSource = {
    metrics,
    isDraining: () => draining,
    unready: () => (draining ? ['draining'] : unready()),
    lines: () => [
      `snapshot: ${court.snapshot.scope}`,
      `rules: ${court.rules.length}`,
      ...exemptionUse.lines(court.config.enforcement.exemptions, now()),
      ...troubles(),
    ],
  }
  serveHealth(server, news)

  return {
    server,
    health: buildHealthServer(news),
    forgetClients: () => clients?.forget(),
    drain() {
      draining = true
    },
    renew(options) {
      if (server.server instanceof Server) server.server.setSecureContext(options)
    },
  }
}
