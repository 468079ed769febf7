import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** PEM. */
interface Pair {
  readonly cert: string
  readonly key: string
}

/** A mutating webhook of somebody else. */
export interface MutatingWebhook {
  readonly port: number
  /** From the next connection on; there are no kept ones. */
  serve(pair: Pair): void
  kill(): Promise<void>
  /** Again at the same port. */
  start(): Promise<void>
}

/** What the API server asks, beside the object. */
export interface Asked {
  readonly path: string
  readonly operation: string
  readonly namespace: string
}

/** Answers each review with this patch; an empty one is none. */
export async function startMutating(
  { cert, key }: Pair,
  patchOf: (object: unknown, asked: Asked) => readonly object[],
): Promise<MutatingWebhook> {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { apiVersion, request: asked } = (await json(request)) as {
      readonly apiVersion: string
      readonly request: Asked & { readonly uid: string; readonly object: unknown }
    }
    const { uid, object, operation, namespace } = asked
    const operations = patchOf(object, { path: request.url?.split('?')[0] ?? '', operation, namespace })
    const patch = Buffer.from(JSON.stringify(operations)).toString('base64')
    const patched = operations.length === 0 ? {} : { patchType: 'JSONPatch', patch }
    response.setHeader('content-type', 'application/json')
    // A kept connection outlives its certificate; here each call verifies it.
    response.setHeader('connection', 'close')
    response.end(JSON.stringify({ apiVersion, kind: 'AdmissionReview', response: { uid, allowed: true, ...patched } }))
  }
  const server = createServer({ cert, key, minVersion: 'TLSv1.3' }, (request, response) => {
    // Nobody waits for an answer that fails for ever: the API server goes on without.
    answer(request, response).catch(() => response.destroy())
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    port,
    serve: (next) => server.setSecureContext({ cert: next.cert, key: next.key }),
    start: () => listen(port),
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
