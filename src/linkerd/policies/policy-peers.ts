import { type Cache, createCache } from '../../core/cache.ts'
import { labelsOf } from '../../k8s/resource.ts'
import type { Labels } from '../../k8s/selector.ts'
import {
  type Box,
  boxKey,
  contains,
  exclude,
  formatBox,
  isEmpty,
  listedValues,
  pin,
  pinAny,
  requirePresence,
} from '../../policy/box.ts'
import { namespaceKey, namespaceNameLabel, podKey } from '../../policy/policy.ts'
import { labels } from '../facts.ts'
import {
  controlPlanesOf,
  isControlPlane,
  isNamespaceMeshed,
  type Meshed,
  type MeshView,
  namespaceOf,
} from '../pods/meshed.ts'
import { imaginedPodIn, namespacesWithPods, type PodFacts, podsIn } from '../pods/pod-facts.ts'
import { podsHeld } from '../pods/selected-pods.ts'

/** Pods at the other end of a rule: one that is known, or all those that nobody has seen but the rule would admit. */
export interface PeerPods {
  readonly pod: PodFacts
  /** What selects Pods nobody has seen, over `pod/` and, for an unknown namespace, `ns/` labels; undefined for a known Pod. */
  readonly box: Box | undefined
  /** Labels of the namespace; undefined when its object is not known. */
  readonly namespaceLabels: Labels | undefined
  /** The namespace's name, where there is one namespace. */
  readonly namespace: string | undefined
  /** Whether the rule admits them, or whether they exist at all, is not known. */
  readonly doubtful: boolean
  /** The rule takes every Pod of the namespace. */
  readonly whole: boolean
  /** For Pods nobody has seen: the known ones of the same namespace, which may be all there are. */
  readonly instead: readonly PodFacts[]
}

/**
 * Which Pods a peer selector may stand for, apart from those that are surely not meshed:
 *
 * - known Pods and templates that it selects; where these are all unmeshed, or on the host's network, nobody else;
 * - Pods of a known namespace that nobody has seen, meshed as the namespace says: where it selects none, or, in files, all;
 * - Pods in namespaces that the input does not hold.
 *
 * In a cluster, a selector that names no namespace stands for too many to go through: then only those of the policy's own
 * are here, and the others are {@link file://./far-peers.ts}.
 *
 * @param home the policy's namespace
 */
export function peerPodsOf(box: Box, home: string, view: MeshView): readonly PeerPods[] {
  if (view.scope === 'cluster') return [...nearPeerPods(box, home, view)]
  const cache = view.derive(peerCache)
  return cache(boxKey(box), () => [...findPeerPods(box, view)])
}

/** Does the selector leave open in which namespaces it selects? */
export function isWide(box: Box): boolean {
  return listedValues(box, nameKey).length === 0
}

const nameKey = namespaceKey + namespaceNameLabel

function* nearPeerPods(box: Box, home: string, view: MeshView): Generator<PeerPods> {
  if (isEmpty(box)) return
  for (const name of isWide(box) ? [home] : listedValues(box, nameKey)) {
    const match = namespaceMatches(box, name, namespaceLabelsOf(name, view))
    if (match !== 'no') yield* peersInNamespace(box, name, match === 'maybe', view)
  }
}

/** Filled as selectors are asked for. It holds as long as what the answers are made of. */
function peerCache(view: MeshView): Cache<readonly PeerPods[]> {
  for (const name of knownNamespaces(view)) podsIn(name, view)
  return createCache()
}

/** Namespaces whose object is known, or something in them. */
export function knownNamespaces(view: MeshView): ReadonlySet<string> {
  return view.derive(findKnownNamespaces)
}

function findKnownNamespaces(view: MeshView): ReadonlySet<string> {
  return new Set([...view.namespacesWith('Namespace'), ...namespacesWithPods(view)])
}

function* findPeerPods(box: Box, view: MeshView): Generator<PeerPods> {
  if (isEmpty(box)) return
  const [only, ...others] = listedValues(box, nameKey)
  const isOne = only !== undefined && others.length === 0
  const names = isOne ? new Set([only]) : knownNamespaces(view).union(new Set(listedValues(box, nameKey)))
  for (const name of names) {
    const match = namespaceMatches(box, name, namespaceLabelsOf(name, view))
    if (match !== 'no') yield* peersInNamespace(box, name, match === 'maybe', view)
  }
  const elsewhere = withInjectedLabels(requirePresence(exclude(box, nameKey, names), nameKey), undefined, view)
  const meshed = unseenNamespacesMeshed(elsewhere, view)
  if (!isEmpty(elsewhere) && meshed !== 'no')
    yield {
      pod: imaginedPodIn('', meshed, view),
      box: elsewhere,
      namespaceLabels: undefined,
      namespace: undefined,
      doubtful: false,
      whole: false,
      instead: [],
    }
}

function* peersInNamespace(box: Box, name: string, doubtful: boolean, view: MeshView): Generator<PeerPods> {
  if (isControlPlane(name, view)) return
  const pods = new Map([...box].filter(([key]) => key.startsWith(podKey)))
  const here = { namespaceLabels: namespaceLabelsOf(name, view), namespace: name, whole: pods.size === 0 }
  const selected = podsHeld(name, box, view)
  const meshed = selected.filter((pod) => pod.meshed !== 'no' && !pod.hostNetwork)
  for (const pod of meshed) yield { ...here, pod, box: undefined, doubtful, instead: [] }
  if (selected.length > 0 && (meshed.length === 0 || !here.whole || view.scope === 'cluster')) return

  const imagined = isNamespaceMeshed(name, view)
  const podBox = withInjectedLabels(pods, name, view)
  if (imagined !== 'no' && !isEmpty(podBox))
    yield {
      ...here,
      pod: imaginedPodIn(name, imagined, view),
      box: podBox,
      doubtful: doubtful || view.scope === 'cluster',
      instead: meshed,
    }
}

/** A known Pod as a peer of which nothing is left open. */
export function knownPeer(pod: PodFacts, box: Box, view: MeshView): PeerPods {
  const { namespace } = pod
  const whole = ![...box.keys()].some((key) => key.startsWith(podKey))
  const namespaceLabels = namespaceLabelsOf(namespace, view)
  return { pod, box: undefined, namespaceLabels, namespace, doubtful: false, whole, instead: [] }
}

/** Labels of a namespace, with the one the API server always sets; undefined when the object is not known. */
export function namespaceLabelsOf(name: string, view: MeshView): Labels | undefined {
  const namespace = namespaceOf(view, name)
  if (namespace === undefined) return undefined
  const found = labelsKnown.get(namespace) ?? { ...labelsOf(namespace.metadata), [namespaceNameLabel]: name }
  labelsKnown.set(namespace, found)
  return found
}

/** Objects do not change. */
const labelsKnown = new WeakMap<object, Labels>()

/** Does the box admit the namespace? Of one whose object is not known only the name is: other terms may hold or not. */
export function namespaceMatches(box: Box, name: string, known: Labels | undefined): 'yes' | 'no' | 'maybe' {
  if (known) return contains(box, known, namespaceKey) ? 'yes' : 'no'
  const byName = new Map([...box].filter(([key]) => key === nameKey))
  if (!contains(byName, { [namespaceNameLabel]: name }, namespaceKey)) return 'no'
  return [...box.keys()].some((key) => key.startsWith(namespaceKey) && key !== nameKey) ? 'maybe' : 'yes'
}

/** What is left of a box over `pod/` labels when the Pods are meshed: the injector labels them. */
export function withInjectedLabels(box: Box, namespace: string | undefined, view: MeshView): Box {
  const ours = pinAny(box, podKey + labels.controlPlaneNamespace, controlPlanesOf(view))
  const key = podKey + labels.workloadNamespace
  return namespace === undefined ? requirePresence(ours, key) : pin(ours, key, namespace)
}

/** Is a namespace nobody has seen, that this box admits, meshed? */
export function unseenNamespacesMeshed(box: Box, view: MeshView): Meshed {
  if (listedValues(box, namespaceKey + labels.isControlPlane).includes('true')) return 'no'
  const { assume } = view.settings
  return assume === 'meshed' ? 'yes' : assume === 'unmeshed' ? 'no' : 'unknown'
}

/** The peers in words. What is left of their box after coverage says which of them are meant. */
export function describePeers(peers: PeerPods, remainder: Box): string {
  if (peers.pod.name !== undefined) return peers.pod.name
  const hidden = [labels.controlPlaneNamespace, labels.workloadNamespace]
  const pods = formatBox(remainder, podKey, hidden)
  const named = pods === '' ? 'pods' : `pods with ${pods}`
  if (peers.namespace !== undefined) return `${named} in namespace ${peers.namespace}`
  const namespaces = formatBox(new Map([...remainder].filter(([, values]) => !values.except)), namespaceKey)
  return namespaces === '' ? `${named} in other namespaces` : `${named} in namespaces with ${namespaces}`
}
