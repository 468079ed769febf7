import type { Path } from '../../k8s/json.ts'
import { containersOf, type PodTemplate } from '../../k8s/pod-template.ts'
import type { ContainerPort } from './service-targets.ts'

/** Where a container port is declared, or else the container that serves it; from the root of the resource. */
export function containerPortPath({ number, container }: ContainerPort, template: PodTemplate): Path {
  const placed = containersOf(template.spec).find((one) => one.container === container)
  const index = (container.ports ?? []).findIndex((port) => port?.containerPort === number)
  const path = [...template.path, ...(placed?.path ?? ['spec'])]
  return index < 0 ? path : [...path, 'ports', index]
}
