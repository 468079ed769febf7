import type { View } from '../../core/view.ts'
import { type PodKind, podTemplateOf } from '../../k8s/pod-template.ts'
import { annotationOf, type Resource } from '../../k8s/resource.ts'
import { annotations } from '../facts.ts'
import { clientsOfService } from '../pods/mesh-clients.ts'
import { type Meshed, meshReads, namespaceOf, seesService } from '../pods/meshed.ts'
import { canonicalList } from '../port-list.ts'
import type { LinkerdSettings } from '../settings.ts'
import type { Identified } from './identify-protocol.ts'
import { serviceList, servicePortsNamed } from './opaque-ports.ts'
import { outboundOf } from './outbound-protocol.ts'
import { selectedBy } from './pod-selection.ts'
import { routeKinds } from './routes.ts'
import { serverFirstPortsOf } from './server-first-ports.ts'
import { isTcp, targetOf } from './service-targets.ts'

/** What must be read to know which ports of a Service make clients wait. */
export const openServiceReads = [...meshReads, ...routeKinds] as const

export type OpenServiceView = View<(typeof openServiceReads)[number], LinkerdSettings>

/** A Service port that meshed clients detect (path P1), though nothing is gained and much may be lost by it. */
export interface OpenServicePort {
  readonly port: number
  readonly index: number
  /** Server-first software; undefined for a port of the default list that works without, such as Redis. */
  readonly identified: Identified | undefined
  /** Destination knows better, for a while. */
  readonly atTimes: boolean
  /** The container port of the default list to which a name leads, so that the injector does not see it. */
  readonly behindName: { readonly name: string; readonly number: number } | undefined
}

/** The open ports of a Service, and the list that closes all of them. */
export interface OpenService {
  readonly ports: readonly OpenServicePort[]
  readonly meshed: Meshed
  /** Undefined where the list as it is cannot be read whole. */
  readonly wanted: string | undefined
}

/** Path P1 only: names of headless Services lead to Pods, and of ExternalName Services outside. Undefined: nothing is open, or nothing known. */
export function openServicePorts(service: Resource<'Service'>, view: OpenServiceView): OpenService | undefined {
  const { spec } = service
  if (spec.type === 'ExternalName' || spec.clusterIP === 'None') return undefined
  const list = serviceList(service, view)
  if (list.unknown) return undefined
  const pods = selectedBy(service, view)
  const serverFirst = new Map(
    serverFirstPortsOf(service, pods, view.settings).map((one) => [one.index, one.identified]),
  )
  const ports = [...(spec.ports ?? [])].flatMap((port, index): OpenServicePort[] => {
    if (typeof port?.port !== 'number' || !isTcp(port)) return []
    const identified = serverFirst.get(index)
    const behindName = lostByName(service, index, pods, view)
    if (!identified && !behindName) return []
    const { kind, profile } = outboundOf(service, port.port, view)
    return kind === 'detect' ? [{ port: port.port, index, identified, atTimes: profile, behindName }] : []
  })
  if (ports.length === 0) return undefined
  const meshed = clientsOfService(service, pods, view)
  if (meshed === 'no') return undefined
  const named = (name: string) => (name === '' ? [] : servicePortsNamed(service, name))
  return {
    ports,
    meshed,
    wanted: canonicalList(
      list.value,
      ports.map(({ port }) => port),
      named,
    ),
  }
}

/**
 * The injector lists a Service's ports whose targetPort is in the default list, but it compares numbers: a named target never
 * matches (linkerd2 pkg/inject/inject.go). Only where the injector writes the list at all: not where the Service or its namespace
 * has one.
 */
function lostByName(
  service: Resource<'Service'>,
  index: number,
  pods: readonly Resource<PodKind>[],
  view: OpenServiceView,
): OpenServicePort['behindName'] {
  const port = service.spec.ports?.[index]
  if (
    !port ||
    typeof port.targetPort !== 'string' ||
    annotationOf(service.metadata, annotations.opaquePorts) !== undefined
  )
    return undefined
  const namespace = namespaceOf(view, service.namespace)
  if (!seesService(service, view)) return undefined
  if (annotationOf(namespace?.metadata, annotations.opaquePorts) !== undefined) return undefined
  const tokens = view.settings.opaquePorts.split(',')
  for (const pod of pods) {
    const target = targetOf(port, podTemplateOf(pod))
    if (target && tokens.includes(String(target.number))) return { name: port.targetPort, number: target.number }
  }
  return undefined
}
