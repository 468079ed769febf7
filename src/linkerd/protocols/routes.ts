import type { View } from '../../core/view.ts'
import { isUnresolved } from '../../k8s/json.ts'
import { ageAndName, type Resource } from '../../k8s/resource.ts'
import type { LinkerdSettings } from '../settings.ts'

/** Every kind of route; Linkerd's own HTTPRoute (policy.linkerd.io) counts like that of the Gateway API. */
export const routeKinds = ['GRPCRoute', 'HTTPRoute', 'PolicyHTTPRoute', 'TCPRoute', 'TLSRoute'] as const

export type RouteKind = (typeof routeKinds)[number]
export type RouteView = View<RouteKind, LinkerdSettings>

/** What a route speaks of. Of several on one port the first counts. */
type RouteProtocol = (typeof precedence)[number]

const precedence = ['grpc', 'http', 'tls', 'tcp'] as const

const protocolOf: Readonly<Record<RouteKind, RouteProtocol>> = {
  GRPCRoute: 'grpc',
  HTTPRoute: 'http',
  PolicyHTTPRoute: 'http',
  TCPRoute: 'tcp',
  TLSRoute: 'tls',
}

/** Routes that are in effect on a port, by protocol: the oldest first, then by name. Of TCPRoutes only the first counts. */
export type Routes = Readonly<Record<RouteProtocol, readonly Resource<RouteKind>[]>>

export const noRoutes: Routes = { grpc: [], http: [], tls: [], tcp: [] }

/** A route and one of its parents. */
interface Attachment {
  readonly route: Resource<RouteKind>
  readonly protocol: RouteProtocol
  /** Undefined: every port of the parent. */
  readonly port: number | undefined
}

/**
 * Routes that a Service's own namespace attaches to one of its ports; the Service need not declare it. A Service without a
 * ClusterIP takes none (linkerd2 policy-controller/k8s/status/src/index.rs: `parent service must have a ClusterIP`). Routes of
 * other namespaces count for clients in those namespaces only, and are not looked at.
 *
 * Where routes of several kinds name the very same port (or all none), only the highest kind is accepted: GRPC > HTTP > TLS >
 * TCP, whatever the port's protocol. So a GRPCRoute that does nothing on an opaque port also disables the TCPRoute there.
 */
export function routesOn(service: Resource<'Service'>, port: number, view: RouteView): Routes {
  if (service.spec.clusterIP === 'None' || service.spec.type === 'ExternalName') return noRoutes
  return attached(
    view.deriveFor(service.namespace, attachmentsToServices).get(service.name),
    (one) => one.port ?? port,
    port,
  )
}

/** Routes that a Server's namespace attaches to it, which decide about inbound requests. */
export function routesOnServer(server: Resource<'Server'>, view: RouteView): Routes {
  return attached(view.deriveFor(server.namespace, attachmentsToServers).get(server.name), () => 0, 0)
}

function attached(
  attachments: readonly Attachment[] | undefined,
  portOf: (one: Attachment) => number,
  port: number,
): Routes {
  if (!attachments) return noRoutes
  const found: Record<RouteProtocol, Resource<RouteKind>[]> = { grpc: [], http: [], tls: [], tcp: [] }
  for (const one of attachments)
    if (portOf(one) === port && isConvertible(one.route)) found[one.protocol].push(one.route)
  for (const routes of Object.values(found)) routes.sort((a, b) => (ageAndName(a) < ageAndName(b) ? -1 : 1))
  return { ...found, tcp: found.tcp.slice(0, 1) }
}

type Parent = NonNullable<NonNullable<Resource<RouteKind>['spec']['parentRefs']>[number]>

function attachmentsToServices(view: RouteView, namespace: string): ReadonlyMap<string, readonly Attachment[]> {
  const all = attachmentsIn(view, namespace, isService)
  return new Map(
    [...all].map(([name, attachments]) => [name, attachments.filter((one) => isAccepted(one, attachments))]),
  )
}

function attachmentsToServers(view: RouteView, namespace: string): ReadonlyMap<string, readonly Attachment[]> {
  return attachmentsIn(view, namespace, isServer)
}

/** `core` is Linkerd's other name of the empty group. Without a group the API server writes the Gateway API's. */
function isService({ group, kind }: Parent): boolean {
  return kind === 'Service' && (group === '' || group === 'core')
}

function isServer({ group, kind }: Parent): boolean {
  return kind === 'Server' && group === 'policy.linkerd.io'
}

function attachmentsIn(
  view: RouteView,
  namespace: string,
  isParent: (parent: Parent) => boolean,
): ReadonlyMap<string, readonly Attachment[]> {
  const found = new Map<string, Attachment[]>()
  for (const kind of routeKinds)
    for (const route of view.inNamespace<RouteKind>(kind, namespace)) {
      for (const parent of route.spec.parentRefs ?? []) {
        if (!parent || !isParent(parent) || (parent.namespace ?? namespace) !== namespace) continue
        if (isUnresolved(parent.port)) continue
        const name = parent.name ?? ''
        const attachments = found.get(name) ?? []
        attachments.push({ route, protocol: protocolOf[kind], port: parent.port ?? undefined })
        found.set(name, attachments)
      }
    }
  return found
}

/** Is there none of a higher kind on the very same parent and port? The others get the reason `RouteReasonConflicted`. */
function isAccepted({ protocol, port }: Attachment, attachments: readonly Attachment[]): boolean {
  const rank = precedence.indexOf(protocol)
  return !attachments.some((other) => other.port === port && precedence.indexOf(other.protocol) < rank)
}

const unknownFilters = new Set(['RequestMirror', 'URLRewrite', 'ExtensionRef'])

/** Filters the policy controller cannot convert make the whole route as if it were not there (`Failed to convert route`). */
function isConvertible({ spec }: Resource<RouteKind>): boolean {
  return !(spec.rules ?? []).some((rule) => rule?.filters?.some((filter) => unknownFilters.has(filter?.type ?? '')))
}
