import type { View } from '../../core/view.ts'
import { own } from '../../k8s/json.ts'
import { selects } from '../../k8s/selector.ts'
import {
  hasPort,
  noPorts,
  type PortSet,
  portDifference,
  portIntersection,
  portsOf,
  portUnion,
} from '../../policy/port-set.ts'
import { labels } from '../facts.ts'
import type { PodFacts } from '../pods/pod-facts.ts'
import { type LinkerdSettings, redirectsEveryPort } from '../settings.ts'

/** What must be read to know on which port two Pods meet. */
export const wireReads = ['Server', 'Service'] as const

export type WireView = View<(typeof wireReads)[number], LinkerdSettings>

/**
 * On which of these ports of the server do connections from the client arrive at the proxy's inbound port instead?
 *
 * Decided by the destination controller (linkerd2 controller/api/destination/endpoint_translator.go, createWeightedAddr),
 * for two meshed Pods. Not redirected are: host network on either side, the client's `skip-subnets`, Pods of two control
 * planes (they have no identity for each other), the server's `skip-inbound-ports`, its proxy's own ports, the client's
 * `skip-outbound-ports`, and, before 2.18 or in `transparent` mode, what is not opaque by the server's list or a Server.
 * The proxy's inbound port itself, DNS over TCP and the proxy's admin and control ports are never an application's.
 *
 * @param ports what a policy grants
 * @param view Services translate `skip-outbound-ports`, which count their ports; Servers say what is opaque
 */
export function redirectedPorts(ports: PortSet, client: PodFacts, server: PodFacts, view: WireView): PortSet {
  if (client.hostNetwork || server.hostNetwork || client.skipsPods || !shareControlPlane(client, server)) return noPorts
  const skipped = portUnion(server.bypassed, client.skipOutbound, behindSkippedServices(client, server, view))
  const redirected = portDifference(ports, skipped)
  if (redirectsEveryPort(view.settings)) return redirected
  return portIntersection(redirected, portUnion(server.opaque, opaqueByServer(server, view)))
}

/** Of a Pod nobody has seen it is taken that they do. */
function shareControlPlane(client: PodFacts, server: PodFacts): boolean {
  const [one, other] = [client, server].map((pod) => own(pod.labels, labels.controlPlaneNamespace) ?? '')
  return one === other || one === '' || other === ''
}

/** Ports of the server to which Services of its namespace lead from a port that the client skips. */
function behindSkippedServices({ skipOutbound }: PodFacts, server: PodFacts, view: WireView): PortSet {
  if (skipOutbound.length === 0) return []
  const targets = view
    .inNamespace('Service', server.namespace)
    .flatMap((service) => service.spec.ports ?? [])
    .filter((port) => typeof port?.port === 'number' && hasPort(skipOutbound, port.port))
    .flatMap((port) => numbersOf(port?.targetPort, server))
  return portsOf(targets)
}

/** Destination asks whether any Server that selects the Pod says `opaque` (endpoints_watcher.go). */
function opaqueByServer(server: PodFacts, view: WireView): PortSet {
  const ports = view
    .inNamespace('Server', server.namespace)
    .filter(({ spec }) => spec.proxyProtocol === 'opaque')
    .filter(({ spec }) => spec.podSelector != null && selects(spec.podSelector, server.labels))
    .flatMap(({ spec }) => numbersOf(spec.port, server))
  return portsOf(ports)
}

function numbersOf(port: number | string | null | undefined, server: PodFacts): readonly number[] {
  if (typeof port === 'number') return [port]
  return typeof port === 'string' ? (server.named.get(port) ?? []) : []
}
