import { type Cache, createCache } from '../core/cache.ts'
import { isUnresolved } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import { type Box, boxKey, contains, mayContain, movePrefix } from '../policy/box.ts'
import { fromNetworkPolicy } from '../policy/network-policy.ts'
import { type Policy, podKey } from '../policy/policy.ts'
import { isControlPlane, isNamespaceMeshed, type MeshView } from './meshed.ts'
import { imaginedPodIn, type PodFacts, podsIn } from './pod-facts.ts'
import { describePeers, withInjectedLabels } from './policy-peers.ts'
import type { GapView } from './wire-port-gaps.ts'

/** Pods a policy selects: one that is known, or those that nobody has seen. */
export interface TargetPods {
  readonly pod: PodFacts
  /** For Pods nobody has seen: the policy's own subject, as far as they are meshed. */
  readonly box: Box | undefined
}

/** A policy that selects a target, or may once its values are filled in. */
export interface Selecting {
  readonly policy: Policy
  readonly certain: boolean
}

/**
 * The Pods a policy is about, without those that are surely not meshed and without the control plane. Where none is known,
 * those that its selector would select; where the selected ones are all unmeshed, nobody.
 */
export function* targetsOf(policy: Policy, view: MeshView): Generator<TargetPods> {
  if (isUnresolved(policy.namespace) || isControlPlane(policy.namespace, view)) return
  const selected = selectedBy(policy, view)
  for (const pod of selected) if (pod.meshed !== 'no' && !pod.hostNetwork && !pod.unknown) yield { pod, box: undefined }
  if (selected.length > 0) return
  const meshed = isNamespaceMeshed(policy.namespace, view)
  const pod = imaginedPodIn(policy.namespace, meshed, view)
  if (meshed === 'no' || pod.unknown) return
  yield { pod, box: withInjectedLabels(policy.subject, policy.namespace, view) }
}

/** Every policy that selects the target, wholly or in part, or may. */
export function policiesOn({ pod, box }: TargetPods, own: Policy, view: GapView): readonly Selecting[] {
  const { policies, byPod, unknown } = view.deriveFor(pod.namespace, findSelecting)
  if (box === undefined && !unknown && !pod.unknownLabels) return byPod.get(pod) ?? []
  const selecting: Selecting[] = []
  for (const policy of policies) {
    if (policy === own) selecting.push({ policy, certain: true })
    else if (box) selecting.push({ policy, certain: !policy.unknownSubject && !own.unknownSubject })
    else if (selectedBy(policy, view).includes(pod)) selecting.push({ policy, certain: true })
    else if ((policy.unknownSubject || pod.unknownLabels) && mayContain(policy.subject, pod.labels, podKey))
      selecting.push({ policy, certain: false })
  }
  return selecting
}

interface SelectingIn {
  readonly policies: readonly Policy[]
  /** Where whom they select is known. */
  readonly byPod: ReadonlyMap<PodFacts, readonly Selecting[]>
  /** Whom some policy selects hangs on a value that is not filled in yet. */
  readonly unknown: boolean
}

function findSelecting(view: GapView, namespace: string): SelectingIn {
  const policies = policiesIn(namespace, view)
  const byPod = new Map<PodFacts, Selecting[]>()
  for (const policy of policies) {
    const selecting = { policy, certain: true }
    for (const pod of selectedBy(policy, view)) {
      const known = byPod.get(pod)
      if (known) known.push(selecting)
      else byPod.set(pod, [selecting])
    }
  }
  return { policies, byPod, unknown: policies.some((policy) => policy.unknownSubject) }
}

/** Policies of a namespace that is not filled in yet, which may be any. */
export function unplacedPolicies(view: GapView): readonly Selecting[] {
  return view.derive(findUnplaced)
}

function findUnplaced(view: GapView): readonly Selecting[] {
  if (view.scope === 'cluster') return []
  return view
    .all('NetworkPolicy')
    .filter(({ namespace }) => isUnresolved(namespace))
    .map((resource) => ({ policy: translated(resource), certain: false }))
}

/** The known Pods that a policy selects. */
export function selectedBy(policy: Policy, view: MeshView): readonly PodFacts[] {
  return view.deriveFor(policy.namespace, startSelections)(policy.subject)
}

/** Remembers whom a subject selects for as long as the Pods stay what they are. */
function startSelections(view: MeshView, namespace: string): (subject: Box) => readonly PodFacts[] {
  const pods = podsIn(namespace, view)
  const known: Cache<readonly PodFacts[]> = createCache()
  return (subject) => known(boxKey(subject), () => pods.filter((pod) => contains(subject, pod.labels, podKey)))
}

/** Every policy of a namespace in the common form. */
export function policiesIn(namespace: string, view: GapView): readonly Policy[] {
  return view.inNamespace('NetworkPolicy', namespace).map(translated)
}

/** {@link fromNetworkPolicy}, once per object: objects do not change. */
export function translated(resource: Resource<'NetworkPolicy'>): Policy {
  const room = resource.room ?? {}
  return (room.form ??= fromNetworkPolicy(resource)) as Policy
}

const targetKey = 'target/'

/** The target as a box of its own keys, beside those of a peer. A known Pod leaves nothing open. */
export function targetBox({ box }: TargetPods): Box {
  return box === undefined ? new Map() : subjectBox(box)
}

/** A policy's subject over the keys of {@link targetBox}. */
export function subjectBox(subject: Box): Box {
  return movePrefix(subject, podKey, targetKey)
}

/** The targets in words. What is left after coverage says which of them are meant. */
export function describeTarget({ pod, box }: TargetPods, remainder: Box): string {
  if (box === undefined) return pod.name ?? ''
  const targets = movePrefix(new Map([...remainder].filter(([key]) => key.startsWith(targetKey))), targetKey, podKey)
  return describePeers(
    { pod, box, namespaceLabels: undefined, namespace: pod.namespace, doubtful: false, whole: false, instead: [] },
    targets,
  )
}
