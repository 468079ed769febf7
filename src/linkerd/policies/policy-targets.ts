import { type Cache, createCache } from '../../core/cache.ts'
import { isUnresolved } from '../../k8s/json.ts'
import { type Box, boxKey, exclude, isEmpty, mayContain, movePrefix } from '../../policy/box.ts'
import { type BoxLists, listByBox } from '../../policy/box-lists.ts'
import {
  type Direction,
  namespaceKey,
  namespaceNameLabel,
  type Policy,
  podKey,
  type Rule,
} from '../../policy/policy.ts'
import { isControlPlane, isNamespaceMeshed, type MeshView } from '../pods/meshed.ts'
import { imaginedPodIn, type PodFacts, podsIn } from '../pods/pod-facts.ts'
import { podsHeld } from '../pods/selected-pods.ts'
import { type PolicyView, placesOf, policiesIn, type Selecting, selecting, unplacedForms } from './policy-forms.ts'
import { describePeers, knownNamespaces, unseenNamespacesMeshed, withInjectedLabels } from './policy-peers.ts'

/** Pods a policy selects: one that is known, or those that nobody has seen. */
export interface TargetPods {
  readonly pod: PodFacts
  /** For Pods nobody has seen: the policy's own subject, as far as they are meshed. */
  readonly box: Box | undefined
}

/**
 * The Pods a policy is about, without those that are surely not meshed and without the control plane. Where none is known,
 * those that its selector would select; where the selected ones are all unmeshed, nobody. For equal subjects, the same list.
 */
function targetsOf(policy: Policy, view: MeshView): readonly TargetPods[] {
  return view.deriveFor(policy.namespace, startTargets)(policy.subject, () => [...findTargets(policy, view)])
}

/** It holds as long as what {@link findTargets} looks at. */
function startTargets(view: MeshView, namespace: string) {
  podsIn(namespace, view)
  isControlPlane(namespace, view)
  const known: Cache<readonly TargetPods[]> = createCache()
  return (subject: Box, find: () => readonly TargetPods[]) => known(boxKey(subject), find)
}

function* findTargets(policy: Policy, view: MeshView): Generator<TargetPods> {
  if (isUnresolved(policy.namespace) || isControlPlane(policy.namespace, view)) return
  const selected = selectedBy(policy, view)
  for (const pod of selected) if (pod.meshed !== 'no' && !pod.hostNetwork && !pod.unknown) yield { pod, box: undefined }
  if (selected.length > 0) return
  const meshed = isNamespaceMeshed(policy.namespace, view)
  const pod = imaginedPodIn(policy.namespace, meshed, view)
  if (meshed === 'no' || pod.unknown) return
  yield { pod, box: withInjectedLabels(policy.subject, policy.namespace, view) }
}

/** Pods of namespaces nobody has seen, as far as a policy is about them that is about Pods of any namespace. */
function* unseenTargets(policy: Policy, view: MeshView): Generator<TargetPods> {
  const meshed = unseenNamespacesMeshed(policy.subject, view)
  const unseen = exclude(policy.subject, namespaceKey + namespaceNameLabel, knownNamespaces(view))
  const box = withInjectedLabels(unseen, undefined, view)
  if (meshed !== 'no' && !isEmpty(box)) yield { pod: imaginedPodIn('', meshed, view), box }
}

/** A policy as it is about one namespace, and its targets there. */
export interface Place {
  readonly own: Policy
  readonly targets: readonly TargetPods[]
}

/**
 * The targets of a policy by namespace ({@link placesOf}). One about Pods of any namespace stands for Pods nobody has seen only
 * where it is about none that is known: first in namespaces that are known, then, in files, in others.
 */
export function* targetsByPlace(policy: Policy, wide: boolean, view: PolicyView): Generator<Place> {
  const places = placesOf(policy, wide, view).map((own): Place => ({ own, targets: targetsOf(own, view) }))
  if (!wide) {
    yield* places
    return
  }
  const known = places.filter(({ own }) => selectedBy(own, view).length > 0)
  if (known.length > 0 || view.scope === 'cluster') yield* known
  else if (places.some(({ targets }) => targets.length > 0)) yield* places
  else yield { own: policy, targets: [...unseenTargets(policy, view)] }
}

/** A target, and every policy that says who may reach it, or whom it may reach. */
export interface TargetEnd {
  readonly target: TargetPods
  readonly policies: readonly Selecting[]
}

/** A rule, one of the Pods it is about, and every policy that says who may reach that one. */
export interface RuleEnd extends TargetEnd {
  readonly direction: Direction
  readonly rule: Rule
  /** The rule's policy. */
  readonly own: Policy
}

/** Targets of a policy, with every policy that selects them. For the same list the same one, unless whom it selects is not known. */
export function endsOf({ own, targets }: Place, view: PolicyView): readonly TargetEnd[] {
  const namespace = targets[0]?.pod.namespace
  if (namespace === undefined) return []
  const here = view.deriveFor(namespace, findSelecting)
  const known = here.unknown ? undefined : here.ends.get(targets)
  const ends = known ?? targets.map((target): TargetEnd => ({ target, policies: policiesOn(target, own, here, view) }))
  here.ends.set(targets, ends)
  return ends
}

/**
 * Every policy that selects the target, wholly or in part, or may. Where it hangs on nothing that is not filled in, targets
 * that the same policies select have the same list.
 */
function policiesOn(
  { pod, box }: TargetPods,
  own: Policy,
  { policies, lists, unknown }: SelectingIn,
  view: PolicyView,
): readonly Selecting[] {
  if (!unknown && box !== undefined) return lists.meeting(box)
  if (!unknown && !pod.unknownLabels) return lists.holding(pod.labels)
  const found: Selecting[] = []
  for (const policy of policies) {
    if (policy === own) found.push(selecting(policy, true))
    else if (box) found.push(selecting(policy, !policy.unknownSubject && !own.unknownSubject))
    else if (selectedBy(policy, view).includes(pod)) found.push(selecting(policy, isHeldExactly(policy)))
    else if ((policy.unknownSubject || pod.unknownLabels) && mayContain(policy.subject, pod.labels, podKey))
      found.push(selecting(policy, false))
  }
  return found
}

interface SelectingIn {
  readonly policies: readonly Policy[]
  /** Where whom they select is known. */
  readonly lists: BoxLists<Selecting>
  /** Whom some policy selects hangs on a value that is not filled in yet. */
  readonly unknown: boolean
  readonly ends: WeakMap<readonly TargetPods[], readonly TargetEnd[]>
}

function findSelecting(view: PolicyView, namespace: string): SelectingIn {
  const policies = policiesIn(namespace, view)
  const around = view.around()
  const base = around === view ? undefined : around.deriveFor(namespace, findSelecting)
  const all = policies.map((policy) => selecting(policy, isHeldExactly(policy)))
  return {
    policies,
    lists: listByBox(all, ({ policy }) => policy.subject, podKey, base?.lists),
    unknown: policies.some((policy) => policy.unknownSubject),
    ends: new WeakMap(),
  }
}

/** Is whom it is about as far as it says, but for values that are not filled in? */
function isHeldExactly({ unknownSubject, notes }: Policy): boolean {
  return !unknownSubject || notes.length === 0
}

/** Policies of a namespace that is not filled in yet, which may be any. */
export function unplacedPolicies(view: PolicyView): readonly Selecting[] {
  return view.derive(findUnplaced)
}

function findUnplaced(view: PolicyView): readonly Selecting[] {
  return view.scope === 'cluster' ? [] : unplacedForms(view).map((policy) => selecting(policy, false))
}

/** The known Pods that a policy selects. */
export function selectedBy(policy: Policy, view: MeshView): readonly PodFacts[] {
  return podsHeld(policy.namespace, policy.subject, view)
}

const targetKey = 'target/'
const targetNamespaceKey = 'target-namespace/'

/** The target as a box of its own keys, beside those of a peer. A known Pod leaves nothing open. */
export function targetBox({ box }: TargetPods): Box {
  return box === undefined ? new Map() : subjectBox(box)
}

/** A policy's subject over the keys of {@link targetBox}. */
export function subjectBox(subject: Box): Box {
  return movePrefix(movePrefix(subject, podKey, targetKey), namespaceKey, targetNamespaceKey)
}

/** The targets in words. What is left after coverage says which of them are meant. */
export function describeTarget({ pod, box }: TargetPods, remainder: Box): string {
  if (box === undefined) return pod.name ?? ''
  const own = [...remainder].filter(([key]) => key.startsWith(targetKey) || key.startsWith(targetNamespaceKey))
  const targets = movePrefix(movePrefix(new Map(own), targetKey, podKey), targetNamespaceKey, namespaceKey)
  const namespace = pod.namespace === '' ? undefined : pod.namespace
  return describePeers(
    { pod, box, namespaceLabels: undefined, namespace, doubtful: false, whole: false, instead: [] },
    targets,
  )
}
