import { isTerm, isUnresolvedSelector } from '../k8s/selector.ts'
import type { LabelSelector } from '../k8s/spec-shapes.ts'
import { type Box, boxOf, intersect, requirePresence } from './box.ts'
import { namespaceKey, namespaceNameLabel, nobody, podKey } from './policy.ts'

/** What a Cilium label selector stands for among Pods, and whom else it means. */
export interface CiliumSelection {
  readonly box: Box
  /** It says itself in which namespaces. */
  readonly namespaced: boolean
  /** The reserved identities that it asks for (`reserved:host`): one that has them all. */
  readonly reserved: ReadonlySet<string>
  /** It speaks of reserved identities, be it to rule them out. */
  readonly speaksOfReserved: boolean
  /** Something else than labels of the Pod and its Namespace decides, too: the box leaves it out. */
  readonly beyond: string | undefined
  /** Values are not filled in yet. */
  readonly unresolved: boolean
}

type Meaning =
  | { readonly as: 'label'; readonly key: string }
  | { readonly as: 'reserved'; readonly name: string }
  /** No Pod has such a label. */
  | { readonly as: 'foreign' }
  | { readonly as: 'beyond'; readonly what: string }

const namespaceLabels = 'io.cilium.k8s.namespace.labels.'

/**
 * What a key means. `k8s:app`, `any:app` and `app` are one label (cilium Documentation/gettingstarted/terminology.rst). Labels
 * of the Namespace are labels of the Pod with a prefix; the namespace's name, the service account and the cluster are labels.
 */
function meaningOf(written: string): Meaning {
  const [source, key] = /^([^:]*):(.*)$/.exec(written)?.slice(1) ?? ['any', written]
  if (source === 'reserved') return { as: 'reserved', name: key ?? '' }
  if (key === undefined || (source !== 'k8s' && source !== 'any' && source !== '')) return { as: 'foreign' }
  if (key === 'io.kubernetes.pod.namespace') return { as: 'label', key: namespaceKey + namespaceNameLabel }
  if (key.startsWith(namespaceLabels)) return { as: 'label', key: namespaceKey + key.slice(namespaceLabels.length) }
  if (key === 'io.cilium.k8s.policy.serviceaccount') return { as: 'beyond', what: 'the service account' }
  if (key === 'io.cilium.k8s.policy.cluster') return { as: 'beyond', what: 'the name of the cluster' }
  return isDropped(key) ? { as: 'foreign' } : { as: 'label', key: podKey + key }
}

/**
 * Labels that Cilium keeps out of a Pod's identity unless it is told otherwise: selectors never see them
 * (cilium pkg/labelsfilter, the default prefixes).
 */
function isDropped(key: string): boolean {
  return !key.startsWith('app.kubernetes.io') && dropped.test(key)
}

const dropped =
  /^(?:io\.kubernetes|kubernetes\.io|.*beta\.kubernetes\.io|k8s\.io|(?:statefulset|apps|batch|topology)\.kubernetes\.io\/|pod-template-(?:generation|hash)|controller-revision-hash|annotation|controller-uid|etcd_node)/

/** Reads a selector. Undefined where the agent refuses it. */
export function readCiliumSelector(selector: LabelSelector | null | undefined): CiliumSelection | undefined {
  const terms: NonNullable<LabelSelector['matchExpressions']>[number][] = [
    ...Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({
      key,
      operator: 'In',
      values: [value ?? ''],
    })),
    ...(selector?.matchExpressions ?? []),
  ]
  let box: Box = new Map()
  const reserved = new Set<string>()
  const speaksOfReserved = terms.some((term) => term?.key?.startsWith('reserved:'))
  let namespaced = false
  let beyond: string | undefined
  for (const term of terms) {
    if (!isTerm(term)) return undefined
    const meaning = meaningOf(term.key ?? '')
    const requires = term.operator === 'In' || term.operator === 'Exists'
    if (meaning.as === 'beyond') beyond = meaning.what
    else if (meaning.as === 'label') {
      const part = boxOf({ matchExpressions: [{ ...term, key: meaning.key }] }, '')
      if (part) box = intersect(box, part)
      if (meaning.key.startsWith(namespaceKey)) namespaced = true
    } else if (requires) {
      if (meaning.as === 'foreign' || (term.operator === 'In' && !(term.values ?? []).some((value) => !value)))
        box = nobody
      if (meaning.as === 'reserved') reserved.add(meaning.name)
    }
  }
  return {
    box,
    namespaced,
    reserved,
    speaksOfReserved,
    beyond,
    unresolved: isUnresolvedSelector(selector),
  }
}

/** The box of Pods of any namespace, as clusterwide policies mean them. */
export function inSomeNamespace(box: Box): Box {
  return requirePresence(box, namespaceKey + namespaceNameLabel)
}
