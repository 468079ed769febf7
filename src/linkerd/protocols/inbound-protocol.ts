import { containersOf, type PodTemplate } from '../../k8s/pod-template.ts'
import type { Resource } from '../../k8s/resource.ts'
import { proxyContainerName } from '../facts.ts'
import { hasMeshLabel, isMeshed } from '../pods/meshed.ts'
import { redirectsEveryPort } from '../settings.ts'
import { type OpaqueView, opaqueReads, type PodSide, podSideOf } from './opaque-ports.ts'
import { type RouteKind, type RouteView, routeKinds, routesOnServer } from './routes.ts'

/** What must be read to know how a Pod's port is handled. */
export const inboundReads = [...opaqueReads, ...routeKinds] as const

export type InboundView = OpaqueView & RouteView

/** What the policy controller tells the proxy beside the server to do with connections to a port. */
export type InboundKind = 'detect' | 'opaque' | 'http1' | 'http2' | 'grpc' | 'tls'

/** How the server's proxy treats a port of its Pod (paths P1 to P3), and what says so. */
export interface Inbound {
  readonly kind: InboundKind
  readonly because: 'server' | 'list' | 'nothing'
  /** The Server that decides. It overrules the Pod's list. */
  readonly server: Resource<'Server'> | undefined
  /** Whom the `accessPolicy` lets in by itself. AuthorizationPolicies, which are not read, may let in others. */
  readonly admits: 'anyone' | 'mesh' | 'nobody'
  readonly routes: readonly Resource<RouteKind>[]
}

/** A Server's `proxyProtocol` (policy-controller/k8s/api/src/policy/server.rs; the validator takes exactly these words). */
const kinds: Readonly<Record<string, InboundKind>> = {
  unknown: 'detect',
  opaque: 'opaque',
  TLS: 'tls',
  'HTTP/1': 'http1',
  'HTTP/2': 'http2',
  gRPC: 'grpc',
}

/**
 * The policy controller's word for a port of a meshed Pod: a Server decides alone, else the Pod's list, else detection. Of
 * routes a Server counts those of its own protocol: GRPCRoutes for gRPC, HTTPRoutes for HTTP and for detection.
 *
 * @param side what the Pod says of this port
 */
export function inboundOf(side: PodSide, view: RouteView): Inbound {
  const { server } = side
  if (!server) {
    const kind = side.inbound ? 'opaque' : 'detect'
    return { kind, because: side.inbound ? 'list' : 'nothing', server, admits: 'anyone', routes: [] }
  }
  const kind = protocolOf(server)
  const { grpc, http } = routesOnServer(server, view)
  const routes = kind === 'grpc' ? grpc : kind === 'opaque' || kind === 'tls' ? [] : http
  return { kind, because: 'server', server, admits: admittedBy(server.spec.accessPolicy ?? 'deny'), routes }
}

/** Server v1beta3 `accessPolicy` (policy-controller/k8s/index/src/defaults.rs); `audit` lets everybody in, and says so. */
function admittedBy(accessPolicy: string): Inbound['admits'] {
  if (accessPolicy === 'deny') return 'nobody'
  return accessPolicy.endsWith('-authenticated') ? 'mesh' : 'anyone'
}

/** What a Server says the port speaks. */
export function protocolOf({ spec }: Resource<'Server'>): InboundKind {
  return kinds[spec.proxyProtocol ?? 'unknown'] ?? 'detect'
}

/** What destination tells clients in the mesh of a Pod's port (Get, and GetProfile for the Pod's address). */
export interface Endpoint {
  /** `opaque`: whatever the client has found out, it sends bytes without naming a protocol. */
  readonly hint: 'opaque' | 'h2' | undefined
  /** The proxy's port, to which the connection goes with a header that names the real one. */
  readonly transport: number | undefined
  /** mTLS with the proxy beside the server. */
  readonly identity: boolean
}

/** A port without a proxy in front of it, as far as clients are told: the Pod is not meshed, or its annotation skips the port. */
const plain: Endpoint = { hint: undefined, transport: undefined, identity: false }

/**
 * The endpoint behind an address, or undefined where destination has none: of a Pod that has the label of the mesh, but no
 * proxy, it knows only the ports that are skipped.
 */
export function endpointOf(pod: PodTemplate, namespace: string, port: number, view: InboundView): Endpoint | undefined {
  const { settings } = view
  const side = podSideOf(pod, namespace, port, view)
  if (isMeshed(pod, namespace, view) !== 'yes' || side.skippedByClients) return plain
  if (isLabelledOnly(pod, namespace, view)) return undefined
  const hint = side.dialled ? 'opaque' : 'h2'
  const own = [settings.inboundPort, settings.adminPort, settings.controlPort].includes(port)
  const redirected = !own && (hint === 'opaque' || redirectsEveryPort(settings))
  return { hint, transport: redirected ? settings.inboundPort : undefined, identity: true }
}

/** The label of the mesh is there, a proxy is not, and the injector will not add one. */
function isLabelledOnly(pod: PodTemplate, namespace: string, view: OpaqueView): boolean {
  const { metadata, spec } = pod
  if (!hasMeshLabel(metadata) || containersOf(spec).some(({ container }) => container.name === proxyContainerName))
    return false
  return isMeshed({ ...pod, metadata: { ...metadata, labels: {} } }, namespace, view) !== 'yes'
}
