import { type PodKind, podKinds } from '../../k8s/pod-template.ts'
import { describe, type Resource } from '../../k8s/resource.ts'
import type { ObjectMeta } from '../../k8s/spec-shapes.ts'
import type { MeshView } from '../pods/meshed.ts'
import { type PodFacts, podFactsOf } from '../pods/pod-facts.ts'
import { podOwner } from '../pods/pod-owner.ts'

/** A workload with the Pods it made, or a Pod that nobody made. */
export interface Workload {
  /** `Deployment shop/web`. */
  readonly name: string
  readonly namespace: string
  /** Where it is written: the workload itself, if it is in the input. */
  readonly resource: Resource<PodKind>
  readonly pod: PodFacts
}

/**
 * Every workload once: Pods and ReplicaSets count as those who made them, by owner references. Where Pods of one workload
 * differ in being meshed, as they do until a restart, there is one for each.
 */
export function workloadsOf(view: MeshView): readonly Workload[] {
  const makers = new Map<string, ObjectMeta>()
  for (const kind of ['ReplicaSet', 'Job'] as const)
    for (const { namespace, name, metadata } of view.all(kind)) makers.set(keyOf(kind, namespace, name), metadata)
  const found = new Map<string, Workload>()
  for (const kind of podKinds)
    for (const resource of view.all<PodKind>(kind)) {
      const { namespace } = resource
      const maker = podOwner(resource.metadata, (owner) => makers.get(keyOf(owner.kind, namespace, owner.name)))
      const name = maker ? describe({ apiVersion: '', namespace, ...maker }) : describe(resource)
      const pod = podFactsOf(resource, view)
      const key = `${pod.meshed} ${name}`
      const known = found.get(key)
      // What Pods are made of says more than one of them, and that there may be several.
      if (known === undefined || (maker === undefined && describe(known.resource) !== name))
        found.set(key, { name, namespace, resource, pod })
      else found.set(key, { ...known, pod: { ...known.pod, replicas: 'many' } })
    }
  return [...found.values()].sort((left, right) =>
    left.namespace === right.namespace ? compare(left.name, right.name) : compare(left.namespace, right.namespace),
  )
}

function keyOf(kind: string, namespace: string, name: string): string {
  return JSON.stringify([kind, namespace, name])
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}
