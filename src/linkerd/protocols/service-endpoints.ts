import { type PodKind, type PodTemplate, podTemplateOf } from '../../k8s/pod-template.ts'
import type { Resource } from '../../k8s/resource.ts'
import { type Endpoint, endpointOf, type InboundView } from './inbound-protocol.ts'
import { selectedBy } from './pod-selection.ts'
import { declaredPorts, type ServicePort } from './service-targets.ts'

/** One Pod behind a Service's port, as destination describes it (Get). */
export interface ServiceEndpoint extends Endpoint {
  readonly pod: Resource<PodKind>
  readonly port: number
}

/**
 * The endpoints of a Service's port. A named target is the first TCP port of that name in the Pod. A port that the Service does not
 * declare leads to the same number in every Pod that some declared port leads to.
 *
 * @returns undefined where Kubernetes has no address for the port, so that destination stays silent
 */
export function endpointsOf(
  service: Resource<'Service'>,
  port: number,
  view: InboundView,
): readonly ServiceEndpoint[] | undefined {
  const ports = (service.spec.ports ?? []).filter((one) => one !== null)
  const declared = ports.find((one) => one.port === port)
  const found = selectedBy(service, view).flatMap((pod) => {
    const template = podTemplateOf(pod)
    const target = declared
      ? targetNumber(declared, template)
      : ports.some((one) => targetNumber(one, template) !== undefined)
        ? port
        : undefined
    return target === undefined ? [] : [{ pod, port: target }]
  })
  if (found.length === 0) return undefined
  return found.flatMap(({ pod, port: target }) => {
    const endpoint = endpointOf(podTemplateOf(pod), pod.namespace, target, view)
    return endpoint ? [{ pod, port: target, ...endpoint }] : []
  })
}

/**
 * What Kubernetes' endpoints controller makes of a targetPort: a number as it is, declared or not. A name is sought in
 * containers and sidecars.
 */
function targetNumber(port: ServicePort, pod: PodTemplate): number | undefined {
  const target = port.targetPort || port.port
  return typeof target === 'string'
    ? declaredPorts(pod).find(({ name }) => name === target)?.number
    : (target ?? undefined)
}
