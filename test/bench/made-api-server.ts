import type { ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type KindName, kinds } from '../../src/k8s/kinds.ts'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'
import { kindsRead, objectsOf } from './made-cluster.ts'
import type { Wire, WorldSize } from './scale-world.ts'

/** An API server that has a made cluster: it pages lists as it is asked, and streams the events that it is told. */
export interface MadeApiServer {
  readonly port: number
  /** PEM */
  readonly ca: string
  event(kind: KindName, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Wire): void
  close(): void
}

/** Without these, a reflector takes a stream for broken. */
const bookmarkMs = 30_000

export async function startMadeApiServer(size: WorldSize): Promise<MadeApiServer> {
  const { cert, key, ca } = makeSelfSigned(['127.0.0.1'], new Date())
  const lists = new Map<string, Iterator<Wire>>()
  const streams = new Map<KindName, ServerResponse>()
  let version = 1_000_000

  const write = (kind: KindName, type: string, object: Wire) =>
    streams.get(kind)?.write(`${JSON.stringify({ type, object: stamped(object, ++version) })}\n`)
  const page = (kind: KindName, limit: number, token: string) => {
    const rest = lists.get(token) ?? Iterator.from(objectsOf(kind, size))
    lists.delete(token)
    const items: Wire[] = []
    for (let next = rest.next(); !next.done; next = rest.next()) {
      items.push(stamped(next.value, version))
      if (items.length < limit) continue
      const more = `${kind}-${++version}`
      lists.set(more, rest)
      return { metadata: { resourceVersion: String(version), continue: more }, items }
    }
    return { metadata: { resourceVersion: String(version) }, items }
  }

  const server = createServer({ cert, key }, (request, response) => {
    const url = new URL(request.url ?? '', 'https://localhost')
    const send = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const [, root, ...path] = url.pathname.split('/')
    const group = root === 'api' ? '' : (path.shift() ?? '')
    const found = kindsRead.filter((kind) => kinds[kind].group === group && group !== 'policy.linkerd.io')
    const [version1, ...rest] = path
    if (version1 === undefined)
      return send(found.length > 0 ? 200 : 404, { preferredVersion: { groupVersion: `${group}/v1` } })
    if (rest.length === 0) {
      const resources = found.map((kind) => ({ name: kinds[kind].resource, verbs: ['list', 'watch'] }))
      return send(200, { resources })
    }
    const kind = found.find((one) => kinds[one].resource === rest.at(-1))
    const one = url.searchParams.has('fieldSelector')
    if (url.searchParams.has('watch')) {
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
      if (kind !== undefined && !one) streams.set(kind, response)
      return undefined
    }
    // Of Linkerd's own objects there is none.
    if (kind === undefined || one) return send(200, { metadata: { resourceVersion: '1' }, items: [] })
    return send(200, page(kind, Number(url.searchParams.get('limit')), url.searchParams.get('continue') ?? ''))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const timer = setInterval(() => {
    for (const kind of streams.keys()) write(kind, 'BOOKMARK', {})
  }, bookmarkMs)
  return {
    port: (server.address() as AddressInfo).port,
    ca,
    event: write,
    close() {
      clearInterval(timer)
      server.close()
      server.closeAllConnections()
    },
  }
}

/** As it is stored: with a uid and a version. */
function stamped(object: Wire, version: number): Wire {
  const metadata = (object['metadata'] ?? {}) as Readonly<Record<string, string>>
  const uid = `${metadata['namespace']}/${metadata['name']}`
  return { ...object, metadata: { uid, ...metadata, resourceVersion: String(version) } }
}
