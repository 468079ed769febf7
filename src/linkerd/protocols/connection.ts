import type { Endpoint, Inbound } from './inbound-protocol.ts'
import type { Outbound } from './outbound-protocol.ts'

/** What is sent over a connection: by whom first, and whether proxies can read it. */
export type Traffic = 'server-first' | 'http' | 'tls' | 'bytes'

/** What a connection experiences. */
export interface Experience {
  readonly outcome: /** It works, once `seconds` have passed without a byte. */
    | 'works'
    /** It is closed after `seconds`, and not a byte has passed. */
    | 'closed'
    /** The server's proxy denies it, whatever is authorized. */
    | 'denied'
    /** An authorization is needed that the Server itself does not give. */
    | 'needs-authorization'
    /** The task in the client's proxy panics, and the client sees RST or FIN within 3–50 ms. */
    | 'panics'
    /** HTTP 404 `no route found`. */
    | 'not-found'
    /** One proxy waits for an HTTP request that does not come. */
    | 'hangs'
    /** A proxy takes the bytes for what they are not. */
    | 'fails'
  readonly seconds: 0 | 10 | 20
  /** Seen on real proxies (edge-26.8). Otherwise it follows from the source. */
  readonly observed: boolean
  /** What is so only while destination remembers that the port is opaque; this is what follows after some idle seconds. */
  readonly later?: Experience
}

/** What decides in the client's proxy. */
export type Client = Pick<Outbound, 'kind' | 'profile' | 'because'>

/** What decides at the server's Pod. */
export interface ServerSide {
  /** The Pod has a proxy. */
  readonly meshed: boolean
  readonly endpoint: Endpoint
  readonly inbound: Pick<Inbound, 'kind' | 'because' | 'admits'>
  /** iptables hands the port to the application. */
  readonly skipped: boolean
}

/** What the client's proxy does before it connects: it waits, and knows a protocol of requests, or does not. */
interface Step {
  readonly seconds: 0 | 10
  readonly session: boolean
  readonly observed: boolean
}

/**
 * A client inside the mesh (paths P1 and P2). Destination's word comes first (linkerd2-proxy linkerd/app/outbound/src/sidecar.rs);
 * its opaque stack takes policies that say detect or opaque, and panics on any other (opaq.rs):
 *
 *   | profile | kind               | a server-first connection           | an HTTP connection        |
 *   |---------|--------------------|-------------------------------------|---------------------------|
 *   | opaque  | opaque             | at once                             | as bytes                  |
 *   | opaque  | detect             | at once; later as without profile   | as bytes; later as HTTP   |
 *   | opaque  | http, grpc, tls    | panics; later as without profile    | panics; later as HTTP     |
 *   |         | opaque             | at once                             | as bytes                  |
 *   |         | detect             | after 10 s                          | as HTTP                   |
 *   |         | http1, http2, grpc | hangs                               | as HTTP                   |
 *   |         | tls                | closed after 10 s                   | closed                    |
 *   | any     | forbidden          | closed                              | closed                    |
 */
export function meshedExperience(client: Client, server: ServerSide, traffic: Traffic): Experience {
  const { kind, profile, because } = client
  if (kind === 'forbidden') return { outcome: 'closed', seconds: 0, observed: false }
  if (profile && kind !== 'opaque') {
    const later = meshedExperience({ ...client, profile: false }, server, traffic)
    if (kind === 'detect') {
      const first = meshedExperience({ ...client, kind: 'opaque' }, server, traffic)
      return jsonSame(first, later) ? later : { ...first, later }
    }
    return { outcome: 'panics', seconds: 0, observed: because === 'app-protocol', later }
  }
  if (kind === 'opaque') return atServer(server, traffic, { seconds: 0, session: false, observed: true }, client)
  if (kind === 'detect') {
    const session = traffic === 'http'
    const seconds = traffic === 'server-first' ? 10 : 0
    return atServer(server, traffic, { seconds, session, observed: true }, client)
  }
  if (kind === 'tls') {
    if (traffic === 'tls') return atServer(server, traffic, { seconds: 0, session: false, observed: false }, client)
    return { outcome: 'closed', seconds: traffic === 'server-first' ? 10 : 0, observed: false }
  }
  if (traffic === 'server-first') return { outcome: 'hangs', seconds: 0, observed: false }
  if (traffic !== 'http') return { outcome: 'fails', seconds: 0, observed: false }
  return atServer(server, traffic, { seconds: 0, session: true, observed: because === 'app-protocol' }, client)
}

/**
 * At the server, for a client in the mesh. By the proxy's port (transport) the header names a protocol of requests, or none;
 * without one the proxy forwards bytes, unless a Server calls the port HTTP or gRPC: then it denies them. Without transport
 * (`transparent` mode, Linkerd ≤ 2.17) the proxy looks for itself, as for clients outside the mesh, but behind mTLS.
 */
function atServer(
  { meshed, endpoint, inbound, skipped }: ServerSide,
  traffic: Traffic,
  step: Step,
  client: Client,
): Experience {
  const { seconds } = step
  const works = (observed: boolean, more: 0 | 10 = 0): Experience => ({
    outcome: 'works',
    seconds: sum(seconds, more),
    observed: step.observed && observed,
  })
  if (!meshed || (!endpoint.identity && skipped)) return works(!skipped)
  // Destination alone takes the port for skipped: it connects past a proxy that is there.
  if (!endpoint.identity) return added(seconds, unmeshedExperience({ meshed, endpoint, inbound, skipped }, traffic))
  if (inbound.admits === 'nobody') return { outcome: 'needs-authorization', seconds, observed: false }
  const session = step.session && endpoint.hint !== 'opaque'
  const requests = inbound.kind === 'http1' || inbound.kind === 'http2' || inbound.kind === 'grpc'
  if (endpoint.transport !== undefined) {
    if (session) {
      if (inbound.kind === 'opaque')
        return { outcome: 'not-found', seconds, observed: step.observed && inbound.because === 'list' }
      return works(inbound.kind === 'detect')
    }
    if (requests)
      return { outcome: 'denied', seconds, observed: client.because === 'app-protocol' && inbound.kind === 'grpc' }
    return works(inbound.kind === 'detect' || inbound.kind === 'opaque')
  }
  // mTLS straight to the port. What is opaque there is not even decrypted.
  if (skipped || inbound.kind === 'opaque') return { outcome: 'fails', seconds, observed: false }
  if (traffic === 'http') return works(inbound.kind === 'detect' || inbound.kind === 'grpc')
  if (requests) return { outcome: traffic === 'server-first' ? 'hangs' : 'fails', seconds, observed: false }
  if (inbound.kind === 'tls' || traffic !== 'server-first') return works(false)
  return works(true, 10)
}

/**
 * A client outside the mesh (path P3; the kubelet, a load balancer). The proxy beside the server looks for TLS first, and
 * closes the connection when it hears nothing in 10 s:
 *
 *   | the port is                     | a server-first connection | others |
 *   |---------------------------------|---------------------------|--------|
 *   | without a proxy, or skipped     | at once                   | at once |
 *   | opaque                          | at once                   | at once |
 *   | anything else                   | closed after 10 s         | at once, if they are what a Server says |
 */
export function unmeshedExperience({ meshed, inbound, skipped }: ServerSide, traffic: Traffic): Experience {
  if (!meshed || skipped) return { outcome: 'works', seconds: 0, observed: false }
  if (inbound.kind !== 'opaque' && traffic === 'server-first')
    return { outcome: 'closed', seconds: 10, observed: inbound.kind === 'detect' }
  if (inbound.admits !== 'anyone') return { outcome: 'needs-authorization', seconds: 0, observed: false }
  const requests = inbound.kind === 'http1' || inbound.kind === 'http2' || inbound.kind === 'grpc'
  if (requests && traffic !== 'http') return { outcome: 'fails', seconds: 0, observed: false }
  return { outcome: 'works', seconds: 0, observed: inbound.because !== 'server' && inbound.kind === 'opaque' }
}

/**
 * A client inside the mesh, to a name outside the cluster (path P4). Destination answers for addresses inside Linkerd's
 * `clusterNetworks` only, and by the default list; elsewhere the protocol is always detected. EgressNetworks are not read.
 */
export function outsideExperience(
  listed: boolean,
  traffic: Traffic,
): { readonly inside: Experience; readonly outside: Experience } {
  const detected: Experience = { outcome: 'works', seconds: traffic === 'server-first' ? 10 : 0, observed: false }
  return { inside: listed ? { ...detected, seconds: 0 } : detected, outside: detected }
}

function added(seconds: 0 | 10, experience: Experience): Experience {
  return { ...experience, seconds: sum(seconds, experience.seconds), observed: false }
}

function sum(one: number, other: number): 0 | 10 | 20 {
  const both = one + other
  return both >= 20 ? 20 : both >= 10 ? 10 : 0
}

function jsonSame(one: Experience, other: Experience): boolean {
  return one.outcome === other.outcome && one.seconds === other.seconds
}
