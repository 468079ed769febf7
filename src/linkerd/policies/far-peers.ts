import type { Partition } from '../../core/snapshot.ts'
import { addBits, type Bits, removeBits } from '../../policy/bits.ts'
import type { Box } from '../../policy/box.ts'
import { isControlPlane, type MeshView, namespaceOf } from '../pods/meshed.ts'
import { namespacesWithPods, type PodFacts, podsIn } from '../pods/pod-facts.ts'
import { createPodIndex, type PodIndex } from '../pods/pod-index.ts'
import { redirectsEveryPort } from '../settings.ts'
import { meantPorts } from './meant-ports.ts'
import { namespaceLabelsOf } from './policy-peers.ts'
import type { Selecting } from './policy-targets.ts'
import { grants } from './proxy-port-cover.ts'
import type { GapView, RuleEnd } from './wire-port-gaps.ts'

/** Meshed Pods of all namespaces of the cluster, without the subject of the review. */
function podIndex(view: MeshView): PodIndex {
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

/**
 * Pods of other namespaces that a rule admits on an application's port, and that no policy on the target admits on the port
 * of the server's proxy: per way in which Pods are reached, one after the other.
 */
export function* farCandidates(end: RuleEnd, box: Box, view: GapView): Generator<Iterable<PodFacts>> {
  const { rule, direction, target, policies } = end
  const index = podIndex(view)
  const admitted = index.select(box)
  const home = index.in(target.pod.namespace)
  // Pods of one profile are then alike in all that decides which ports are meant.
  const alike = direction === 'ingress' || (redirectsEveryPort(view.settings) && target.pod.skipOutbound.length === 0)
  for (const { sample, members } of index.profiles(rule.ports.names.length > 0)) {
    const [client, server] = direction === 'ingress' ? [sample, target.pod] : [target.pod, sample]
    if (alike && meantPorts(rule, client, server, view) === undefined) continue
    const covered = index.none()
    // Where tiers differ, who is granted what is for the exact question to tell; in one tier, of whom a rule denies or passes on.
    const rulings = isOneTier(policies) ? policies.filter(({ certain }) => certain) : []
    for (const { policy } of rulings)
      for (const other of policy.directions[direction].rules)
        if (grants(other.ports, server))
          for (const peer of other.peers) if (peer.as === 'pods') addBits(covered, index.select(peer.box))
    for (const { policy } of policies)
      for (const other of policy.directions[direction].restrictions)
        for (const peer of other.peers)
          if (peer.as === 'pods' && grants(other.ports, server)) removeBits(covered, index.select(peer.box))
    addBits(covered, home)
    yield each(index, admitted, members, covered)
  }
}

function isOneTier(policies: readonly Selecting[]): boolean {
  return policies.every(({ policy }) => policy.tier === policies[0]?.policy.tier)
}

/** Pods of other namespaces that a selector admits: per way in which Pods are reached, one after the other. */
export function* farPods(box: Box, home: string, view: GapView): Generator<Iterable<PodFacts>> {
  const index = podIndex(view)
  const admitted = index.select(box)
  for (const { members } of index.profiles(true)) {
    const without = index.none()
    addBits(without, index.in(home))
    yield each(index, admitted, members, without, mostTried)
  }
}

/** More than anybody needs to find one that counts. */
const mostCandidates = 1000

/** Where nothing is left out beforehand. */
const mostTried = 100

function* each(
  index: PodIndex,
  admitted: Bits,
  members: Bits,
  covered: Bits,
  most: number = mostCandidates,
): Generator<PodFacts> {
  for (let i = 0; i < most; i++) {
    const pod = index.takeFirst(admitted, members, covered)
    if (pod === undefined) return
    yield pod
  }
}
