import type { Partition } from '../../core/snapshot.ts'
import type { Box } from '../../policy/box.ts'
import { isControlPlane, type MeshView, namespaceOf } from '../pods/meshed.ts'
import { namespacesWithPods, podsIn } from '../pods/pod-facts.ts'
import { createPodIndex, type PodIndex } from '../pods/pod-index.ts'
import { namespaceLabelsOf } from './policy-peers.ts'

/** Meshed Pods of all namespaces of the cluster, without the subject of the review. */
export function podIndex(view: MeshView): PodIndex {
  return view.around().maintain(buildIndex, correctIndex)
}

function buildIndex(view: MeshView): PodIndex {
  const index = createPodIndex()
  // A Namespace decides who is meshed, and its labels who is selected.
  view.namespacesWith('Namespace')
  for (const namespace of namespacesWithPods(view)) file(index, namespace, view)
  return index
}

function correctIndex(index: PodIndex, changed: readonly Partition[], view: MeshView): void {
  for (const namespace of new Set(changed.map((place) => place.namespace))) file(index, namespace, view)
}

/** Of a namespace that is not known nobody is filed: what selects it is not known either. */
function file(index: PodIndex, namespace: string, view: MeshView): void {
  const labels = namespaceLabelsOf(namespace, view)
  const pods = labels && !isControlPlane(namespace, view) ? podsIn(namespace, view) : []
  const meshed = pods.filter((pod) => pod.meshed !== 'no' && !pod.hostNetwork && !pod.unknown)
  index.put(namespace, namespaceOf(view, namespace), labels ?? {}, meshed)
}

/** Namespaces of a cluster in which a selector may hold meshed Pods, the subject of the review among them. */
export function namespacesHolding(box: Box, view: MeshView): ReadonlySet<string> {
  const held = view.maintain(buildIndex, correctIndex).namespacesOf(box)
  const names = [...namespacesWithPods(view)]
  return new Set(names.filter((name) => held.has(name) || namespaceOf(view, name) === undefined))
}
