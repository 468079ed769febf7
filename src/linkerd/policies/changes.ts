import type { Change } from '../../core/rule.ts'
import { type KindName, kinds } from '../../k8s/kinds.ts'
import { type PodKind, podKinds } from '../../k8s/pod-template.ts'
import { labelsOf, type Resource } from '../../k8s/resource.ts'
import { formatPorts } from '../../policy/port-set.ts'
import { type PolicyKind, policyKinds } from '../../policy/translate.ts'
import { isLinkerdKey } from '../facts.ts'
import { namesKey, type PodFacts } from '../pods/pod-facts.ts'
import { wireKey } from '../pods/pod-index.ts'

/** A change of an object of some kinds. */
export interface ChangeOf<K extends KindName> {
  readonly before: Resource<K> | undefined
  readonly after: Resource<K> | undefined
}

function kindOf({ before, after }: Change): KindName | undefined {
  return (after ?? before)?.kind
}

export function isNamespaceChange(change: Change): change is ChangeOf<'Namespace'> {
  return kindOf(change) === 'Namespace'
}

export function isPolicyChange(change: Change): change is ChangeOf<PolicyKind> {
  return policyKinds.some((kind) => kind === kindOf(change))
}

export function isPodChange(change: Change): change is ChangeOf<PodKind> {
  return podKinds.some((kind) => kind === kindOf(change))
}

/** The namespace in which something changes; undefined for what is in none. */
export function homeOf({ before, after }: Change): string | undefined {
  const one = after ?? before
  if (one === undefined) return undefined
  return one.kind === 'Namespace' ? one.name : kinds[one.kind].namespaced ? one.namespace : undefined
}

/** Does anything change that rules about the mesh ask of a Namespace? When one goes, its Pods go with it, and nobody misses them. */
export function isTelling({ before, after }: ChangeOf<'Namespace'>): boolean {
  return after !== undefined && (before === undefined || toldBy(before) !== toldBy(after))
}

function toldBy({ metadata }: Resource<'Namespace'>): string {
  const told = Object.entries(metadata.annotations ?? {}).filter(([key]) => isLinkerdKey(key))
  return JSON.stringify([Object.entries(labelsOf(metadata)).toSorted(byKey), told.toSorted(byKey)])
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return left < right ? -1 : 1
}

/** Do two Pods not differ in anything that somebody in another namespace could see? */
export function isAlike(left: PodFacts | undefined, right: PodFacts | undefined): boolean {
  if (left === undefined || right === undefined) return left === right
  return seenOf(left) === seenOf(right)
}

function seenOf(pod: PodFacts): string {
  const labels = Object.entries(pod.labels).toSorted(byKey)
  return JSON.stringify([
    labels,
    wireKey(pod),
    namesKey(pod.named),
    formatPorts(pod.declared),
    pod.hostNetwork,
    pod.unknown,
  ])
}
