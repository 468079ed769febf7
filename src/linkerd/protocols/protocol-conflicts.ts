import type { View } from '../../core/view.ts'
import { isUnresolved } from '../../k8s/json.ts'
import { podTemplateOf } from '../../k8s/pod-template.ts'
import type { Resource } from '../../k8s/resource.ts'
import { hasPort } from '../../policy/port-set.ts'
import { isMeshed, type Meshed } from '../pods/meshed.ts'
import { portsByGo } from '../port-list.ts'
import { type LinkerdSettings, redirectsEveryPort } from '../settings.ts'
import { endpointOf, type InboundView, inboundReads, protocolOf } from './inbound-protocol.ts'
import { podList, podPortsNamed, podSideOf } from './opaque-ports.ts'
import { outboundOf } from './outbound-protocol.ts'
import { selectedBy, servicesOf } from './pod-selection.ts'
import { type ServerTarget, targetsOfServer } from './server-targets.ts'
import { targetOf } from './service-targets.ts'

/** What must be read to see that a Server denies what clients send. */
export const conflictReads = [...inboundReads, 'Service'] as const

export type ConflictView = View<(typeof conflictReads)[number], LinkerdSettings>

const requests = new Set(['http1', 'http2', 'grpc'])

/** A Server that calls a port HTTP or gRPC, to which clients send bytes: the proxy beside the server denies them. */
export interface DeniedByServer {
  readonly server: Resource<'Server'>
  readonly meshed: Meshed
}

/**
 * The Server that denies what meshed clients send to a Service's port because of its `appProtocol`, which says opaque to
 * Linkerd (linkerd2-proxy linkerd/app/inbound/src/policy/tcp.rs, check_authorized). Where proxies connect to the port itself
 * (`transparent` mode), the server's proxy sees requests, and all is well.
 */
export function deniedByAppProtocol(
  service: Resource<'Service'>,
  port: number,
  view: InboundView,
): DeniedByServer | undefined {
  const { kind, because, port: declared } = outboundOf(service, port, view)
  if (kind !== 'opaque' || because !== 'app-protocol' || !declared || isUnresolved(declared.appProtocol))
    return undefined
  for (const pod of selectedBy(service, view)) {
    const template = podTemplateOf(pod)
    const meshed = isMeshed(template, pod.namespace, view)
    const target = targetOf(declared, template)
    if (meshed === 'no' || !target) continue
    const { server, unknown } = podSideOf(template, pod.namespace, target.number, view)
    const transport = endpointOf(template, pod.namespace, target.number, view)?.transport
    const redirected = transport !== undefined || (meshed === 'unknown' && redirectsEveryPort(view.settings))
    if (server && !unknown && redirected && requests.has(protocolOf(server))) return { server, meshed }
  }
  return undefined
}

/** Who makes clients send bytes to a port that a Server calls HTTP or gRPC. */
export interface OpaqueDespiteServer {
  readonly target: ServerTarget
  /** A Service whose list holds the port; undefined: the Pod's list. */
  readonly service: Resource<'Service'> | undefined
  readonly list: string
}

/** The first port for which this Server denies what clients send, because a list makes it opaque for them. */
export function opaqueDespite(server: Resource<'Server'>, view: ConflictView): OpaqueDespiteServer | undefined {
  if (!requests.has(protocolOf(server))) return undefined
  const targets = targetsOfServer(server, view).filter(({ side }) => !side.skippedByClients)
  for (const target of targets) {
    const { template, pod, port } = target
    const list = podList(template, pod.namespace, view)?.value ?? view.settings.opaquePorts
    const named = (name: string) => podPortsNamed(template, name)
    if (hasPort(portsByGo(list, named), port)) return { target, service: undefined, list }
  }
  if (!redirectsEveryPort(view.settings)) return undefined
  for (const target of targets)
    for (const service of servicesOf(target.template, server.namespace, view)) {
      if (service.spec.clusterIP === 'None' || service.spec.type === 'ExternalName') continue
      for (const one of service.spec.ports ?? []) {
        if (!one || typeof one.port !== 'number' || targetOf(one, target.template)?.number !== target.port) continue
        const { kind, because, list } = outboundOf(service, one.port, view)
        if (kind === 'opaque' && because === 'list' && !list.unknown) return { target, service, list: list.value }
      }
    }
  return undefined
}
