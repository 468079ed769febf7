import { type FastifyInstance, fastify, LogController } from 'fastify'
import { plainText } from '../core/plain-text.ts'
import { capConnections } from './connection-cap.ts'
import type { Metrics } from './metrics.ts'

/** What there is to be said of the webhook's health. */
export interface HealthSource {
  readonly metrics: Metrics
  readonly isDraining: () => boolean
  /** Reasons for which it is not ready; empty is ready. */
  readonly unready: () => readonly string[]
  /** A line each, for `?verbose`. */
  readonly lines: () => readonly string[]
}

/** Adds /livez, /readyz and /metrics to a server. */
export function serveHealth(server: FastifyInstance, { metrics, unready, lines }: HealthSource): void {
  server.get('/livez', async () => 'ok\n')
  server.get('/readyz', async (request, reply) => {
    const reasons = unready()
    const verbose = new URL(request.url, 'http://localhost').searchParams.has('verbose')
    const said = [...(verbose ? lines() : []), ...reasons]
    return reply
      .code(reasons.length > 0 ? 503 : 200)
      .send([...said.map(plainText), reasons.length > 0 ? 'not ready' : 'ok', ''].join('\n'))
  })
  server.get('/metrics', async (_request, reply) => {
    const { type, text } = await metrics.expose()
    return reply.header('content-type', type).send(text)
  })
}

/** A request for health has no body: nobody needs to send much. */
const mostBodyBytes = 1024

/**
 * A server that tells of health and nothing else, by plain HTTP. A kubelet and Prometheus have no client certificate, and need
 * none.
 */
export function buildHealthServer(source: HealthSource): FastifyInstance {
  const server = fastify({
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: mostBodyBytes,
    requestTimeout: 30_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { caseSensitive: true },
  }) as unknown as FastifyInstance
  server.server.headersTimeout = 10_000
  capConnections(server.server)
  server.addHook('onRequest', (_request, reply, done) => {
    if (source.isDraining()) reply.header('connection', 'close')
    done()
  })
  serveHealth(server, source)
  return server
}
