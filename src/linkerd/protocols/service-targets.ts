import { containersOf, type PodTemplate } from '../../k8s/pod-template.ts'
import type { Resource } from '../../k8s/resource.ts'
import type { Container, Spec } from '../../k8s/spec-shapes.ts'
import { proxyContainerName } from '../facts.ts'

export type ServicePort = NonNullable<NonNullable<Spec<'Service'>['ports']>[number]>

/** A port of a container. */
export interface ContainerPort {
  readonly number: number
  readonly name: string | undefined
  readonly container: Container
}

/**
 * The container port that a Service port leads to in these Pods: by name, or by number. A number nobody declares belongs to
 * the only container of the application, if there is but one.
 */
export function targetOf(port: ServicePort, pod: Pick<PodTemplate, 'spec'>): ContainerPort | undefined {
  const target = port.targetPort || port.port
  const declared = declaredPorts(pod)
  if (typeof target === 'string') return declared.find(({ name }) => name === target)
  if (typeof target !== 'number') return undefined
  const found = declared.find(({ number }) => number === target)
  if (found) return found
  const [only, second] = (pod.spec.containers ?? []).filter((container) => container?.name !== proxyContainerName)
  return only && second === undefined ? { number: target, name: undefined, container: only } : undefined
}

/** TCP ports that the Pod's containers declare, in order. An init container serves nobody, unless it is a sidecar. */
export function declaredPorts(pod: Pick<PodTemplate, 'spec'>): ContainerPort[] {
  return containersOf(pod.spec)
    .filter(({ container, init }) => !init || container.restartPolicy === 'Always')
    .flatMap(({ container }) =>
      (container.ports ?? [])
        .filter((port) => (port?.protocol ?? 'TCP') === 'TCP' && typeof port?.containerPort === 'number')
        .map((port) => ({ number: Number(port?.containerPort), name: port?.name ?? undefined, container })),
    )
    .toArray()
}

/** The TCP ports of the Services that lead to this container port. */
export function portsLeadingTo(
  number: number,
  pod: Pick<PodTemplate, 'spec'>,
  services: readonly Resource<'Service'>[],
): ServicePort[] {
  return services
    .flatMap((service) => service.spec.ports ?? [])
    .filter((port) => port !== null)
    .filter(isTcp)
    .filter((port) => targetOf(port, pod)?.number === number)
}

/** Is this a port of TCP, the protocol of a port that names none? */
export function isTcp({ protocol }: ServicePort): boolean {
  return (protocol ?? 'TCP') === 'TCP'
}
