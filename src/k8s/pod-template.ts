import type { Path } from './json.ts'
import type { WorkloadKind } from './kinds.ts'
import type { Resource } from './resource.ts'
import type { Container, ObjectMeta, PodSpec } from './spec-shapes.ts'

/** A Pod, or the Pods a workload makes: metadata, spec and where both lie in the resource. */
export interface PodTemplate {
  readonly metadata: ObjectMeta
  readonly spec: PodSpec
  /** Empty for a Pod itself. */
  readonly path: Path
}

/** Every kind that is or makes Pods. */
export const podKinds = [
  'CronJob',
  'DaemonSet',
  'Deployment',
  'Job',
  'Pod',
  'ReplicaSet',
  'ReplicationController',
  'StatefulSet',
] as const satisfies readonly (WorkloadKind | 'Pod')[]

export type PodKind = (typeof podKinds)[number]

/** The Pod template of a workload, or the Pod itself. Absent metadata and spec read as empty. */
export function podTemplateOf(resource: Resource<PodKind>): PodTemplate {
  switch (resource.kind) {
    case 'Pod':
      return { metadata: resource.metadata, spec: resource.spec, path: [] }
    case 'CronJob': {
      const template = resource.spec.jobTemplate?.spec?.template
      return {
        metadata: template?.metadata ?? {},
        spec: template?.spec ?? {},
        path: ['spec', 'jobTemplate', 'spec', 'template'],
      }
    }
    default: {
      const template = resource.spec.template
      return { metadata: template?.metadata ?? {}, spec: template?.spec ?? {}, path: ['spec', 'template'] }
    }
  }
}

/** A container and where it lies, from the Pod template's own root. */
export interface PlacedContainer {
  readonly container: Container
  readonly init: boolean
  readonly path: Path
}

/** Init containers, then containers, in order. A null element reads as an empty container. */
export function* containersOf(spec: PodSpec): Generator<PlacedContainer> {
  let i = 0
  for (const container of spec.initContainers ?? [])
    yield { container: container ?? {}, init: true, path: ['spec', 'initContainers', i++] }
  i = 0
  for (const container of spec.containers ?? [])
    yield { container: container ?? {}, init: false, path: ['spec', 'containers', i++] }
}
