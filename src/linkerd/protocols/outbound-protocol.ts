import type { View } from '../../core/view.ts'
import type { Resource } from '../../k8s/resource.ts'
import { hasPort } from '../../policy/port-set.ts'
import { portsByGo } from '../port-list.ts'
import type { LinkerdSettings } from '../settings.ts'
import { type EffectiveList, forClients, serviceList, servicePortsNamed } from './opaque-ports.ts'
import { type RouteKind, routeKinds, routesOn } from './routes.ts'
import type { ServicePort } from './service-targets.ts'

/** What must be read to know how clients treat a Service's port. */
export const outboundReads = ['Namespace', ...routeKinds] as const

export type OutboundView = View<(typeof outboundReads)[number], LinkerdSettings>

/** What the policy controller tells a client's proxy to do with connections to a Service's port. */
export type OutboundKind =
  /** It waits for the first bytes, 10 s at most. */
  | 'detect'
  /** Bytes, at once. */
  | 'opaque'
  | 'http1'
  | 'http2'
  | 'grpc'
  | 'tls'
  /** The Service has no such port: the connection is closed. */
  | 'forbidden'

/** How clients in the mesh treat a Service's port (path P1), and what says so. */
export interface Outbound {
  /** The policy controller's word. */
  readonly kind: OutboundKind
  readonly because: 'app-protocol' | 'list' | 'route' | 'nothing' | 'undeclared'
  /** Routes in effect there. Empty: Linkerd's own default route. */
  readonly routes: readonly Resource<RouteKind>[]
  /**
   * Destination's word, from the list alone: opaque. The proxy obeys it before the policy controller's, but destination
   * forgets it when its last stream for the Service closes.
   */
  readonly profile: boolean
  readonly list: EffectiveList
  /** The port's own declaration. */
  readonly port: ServicePort | undefined
}

/**
 * Asked by address, as proxies do. Order: `appProtocol` (2.18) > the opaque-ports list > routes; HTTP routes alone leave the
 * protocol to detection. Each protocol knows its own routes only (linkerd2 policy-controller/grpc/src/outbound.rs):
 *
 *   | the port is         | GRPCRoute | HTTPRoute | TLSRoute | TCPRoute | kind                                       |
 *   |---------------------|-----------|-----------|----------|----------|--------------------------------------------|
 *   | http                | –         | used      | –        | –        | http1                                      |
 *   | kubernetes.io/h2c   | used 1st  | used 2nd  | –        | –        | grpc with a GRPCRoute, else http2          |
 *   | opaque              | –         | –         | –        | used     | opaque                                     |
 *   | nothing of that     | used 1st  | used 2nd  | used 3rd | used 4th | grpc, detect, tls, opaque; without: detect |
 */
export function outboundOf(service: Resource<'Service'>, port: number, view: OutboundView): Outbound {
  const declared = declaredPort(service, port)
  if (declared) return outboundByName(service, port, view)
  const list = serviceList(service, view)
  return { kind: 'forbidden', because: 'undeclared', routes: [], profile: false, list, port: undefined }
}

/** The same, asked by name, as `linkerd diagnostics policy` does: it knows no undeclared ports, and headless Services. */
export function outboundByName(service: Resource<'Service'>, port: number, view: OutboundView): Outbound {
  const { settings } = view
  const declared = declaredPort(service, port)
  const list = serviceList(service, view)
  const profile = hasPort(
    portsByGo(list.value, (name) => servicePortsNamed(service, name)),
    port,
  )
  const common = { profile, list, port: declared }
  const { grpc, http, tls, tcp } = routesOn(service, port, view)
  const appProtocol = declared?.appProtocol ?? undefined
  const way = forClients(service, list, { port, appProtocol }, settings)
  const because = appProtocol === undefined || settings.minor < 18 ? 'list' : 'app-protocol'
  if (way === 'opaque') return { kind: 'opaque', because, routes: tcp, ...common }
  if (way === 'http' && appProtocol?.toLowerCase() === 'http')
    return { kind: 'http1', because, routes: http, ...common }
  if (way === 'http') return { ...(grpc.length > 0 ? use('grpc', grpc) : use('http2', http)), because, ...common }
  if (grpc.length > 0) return { ...use('grpc', grpc), because: 'route', ...common }
  if (http.length > 0) return { ...use('detect', http), because: 'route', ...common }
  if (tls.length > 0) return { ...use('tls', tls), because: 'route', ...common }
  if (tcp.length > 0) return { ...use('opaque', tcp), because: 'route', ...common }
  return { ...use('detect', []), because: 'nothing', ...common }
}

function use(kind: OutboundKind, routes: readonly Resource<RouteKind>[]) {
  return { kind, routes }
}

function declaredPort(service: Resource<'Service'>, port: number): ServicePort | undefined {
  return service.spec.ports?.find((one) => one?.port === port) ?? undefined
}
