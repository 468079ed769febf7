import type { View } from '../core/view.ts'
import { hasPort, type PortSet, portDifference, portsOf, portUnion } from '../policy/port-set.ts'
import type { PodFacts } from './pod-facts.ts'
import type { LinkerdSettings } from './settings.ts'

/**
 * On which of these ports of the server do connections from the client arrive at the proxy's inbound port instead?
 *
 * Decided by the destination controller (linkerd2 controller/api/destination/endpoint_translator.go, createWeightedAddr),
 * for two meshed Pods. Not redirected are, in this order: host network on either side, the server's `skip-inbound-ports`,
 * its proxy's own ports, the client's `skip-outbound-ports`, and in `transparent` mode every port that is not opaque.
 * The proxy's inbound port itself, DNS over TCP and the proxy's admin and control ports are never an application's.
 *
 * @param ports what a policy grants
 * @param services to translate `skip-outbound-ports`, which count the ports of Services
 */
export function redirectedPorts(
  ports: PortSet,
  client: PodFacts,
  server: PodFacts,
  view: View<'Service', LinkerdSettings>,
): PortSet {
  if (client.hostNetwork || server.hostNetwork) return []
  const skipped = portUnion(
    server.bypassed,
    client.skipOutbound,
    behindSkippedServices(client.skipOutbound, server.namespace, view),
  )
  const redirected = portDifference(ports, skipped)
  return view.settings.transportMode === 'transparent' ? intersection(redirected, server.opaque) : redirected
}

/** Ports that Services of the server's namespace send a skipped Service port to. */
function behindSkippedServices(skipped: PortSet, namespace: string, view: View<'Service', LinkerdSettings>): PortSet {
  if (skipped.length === 0) return []
  const targets = view
    .inNamespace('Service', namespace)
    .flatMap((service) => service.spec.ports ?? [])
    .filter((port) => typeof port?.port === 'number' && hasPort(skipped, port.port))
    .map((port) => port?.targetPort)
    .filter((port) => typeof port === 'number')
  return portsOf(targets)
}

function intersection(left: PortSet, right: PortSet): PortSet {
  return portDifference(left, portDifference(left, right))
}
