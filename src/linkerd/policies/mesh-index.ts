import { type Cache, createCache } from '../../core/cache.ts'
import type { Partition } from '../../core/snapshot.ts'
import { type Box, boxKey, contains } from '../../policy/box.ts'
import { namespaceKey, podKey } from '../../policy/policy.ts'
import { changedHome, isControlPlane, type MeshView, namespaceOf } from '../pods/meshed.ts'
import { namespacesWithPods, type PodFacts, podsIn } from '../pods/pod-facts.ts'
import { createPodIndex, type PodIndex, wireKey } from '../pods/pod-index.ts'
import { namespaceLabelsOf } from './policy-peers.ts'

/** Meshed Pods of all namespaces of the cluster, without the subject of the review: {@link changedPods}. */
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

function file(index: PodIndex, namespace: string, view: MeshView): void {
  const labels = namespaceLabelsOf(namespace, view)
  index.put(namespace, namespaceOf(view, namespace), labels ?? {}, meshedIn(namespace, view))
}

/** The Pods of a namespace that are filed. Of one that is not known nobody is: what selects it is not known either. */
function meshedIn(namespace: string, view: MeshView): readonly PodFacts[] {
  const isFiled = namespaceOf(view, namespace) !== undefined && !isControlPlane(namespace, view)
  const pods = isFiled ? podsIn(namespace, view) : []
  return pods.filter((pod) => pod.meshed !== 'no' && !pod.hostNetwork && !pod.unknown)
}

/**
 * The Pods that a selector admits in the namespace that the review changes, and that the index does not hold as they will be: by
 * the way in which they are reached.
 */
export function changedPods(box: Box, view: MeshView): readonly (readonly PodFacts[])[] {
  return changedHome(view) === undefined ? [] : view.derive(startChanged)(box)
}

/** Remembers whom a selector admits for as long as the Pods of the namespace stay what they are. */
function startChanged(view: MeshView): (box: Box) => readonly (readonly PodFacts[])[] {
  const namespace = changedHome(view) ?? ''
  const labels = namespaceLabelsOf(namespace, view)
  const pods = meshedIn(namespace, view)
  const known: Cache<readonly (readonly PodFacts[])[]> = createCache()
  return (box) =>
    known(boxKey(box), () => {
      if (labels === undefined || !contains(box, labels, namespaceKey)) return []
      const held = pods.filter((pod) => contains(box, pod.labels, podKey))
      return [...Map.groupBy(held, wireKey).values()]
    })
}

/** Namespaces of a cluster in which a selector may hold meshed Pods, the subject of the review among them. */
export function namespacesHolding(box: Box, view: MeshView): ReadonlySet<string> {
  const held = new Set(podIndex(view).namespacesOf(box))
  const changed = changedHome(view)
  if (changed !== undefined) held.delete(changed)
  for (const { namespace } of changedPods(box, view).flat()) held.add(namespace)
  const names = [...namespacesWithPods(view)]
  return new Set(names.filter((name) => held.has(name) || namespaceOf(view, name) === undefined))
}
