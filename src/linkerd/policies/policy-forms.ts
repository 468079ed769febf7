import type { View } from '../../core/view.ts'
import { isUnresolved } from '../../k8s/json.ts'
import { kinds } from '../../k8s/kinds.ts'
import type { Resource } from '../../k8s/resource.ts'
import type { Labels } from '../../k8s/selector.ts'
import { type Box, listedValues } from '../../policy/box.ts'
import { indexBoxes } from '../../policy/box-index.ts'
import { calicoTiers } from '../../policy/calico-network-policy.ts'
import { namespaceKey, namespaceNameLabel, type Policy, podKey } from '../../policy/policy.ts'
import { type PolicyKind, policyKinds, translate } from '../../policy/translate.ts'
import { isControlPlane, meshReads, namespaceOf } from '../pods/meshed.ts'
import { podsIn } from '../pods/pod-facts.ts'
import type { LinkerdSettings } from '../settings.ts'
import { namespacesHolding } from './mesh-index.ts'
import { knownNamespaces, namespaceLabelsOf, namespaceMatches } from './policy-peers.ts'

/** What must be read to know every policy, of every dialect, about the Pods of a namespace. */
export const policyReads = [...meshReads, ...policyKinds, 'CalicoTier'] as const

export type PolicyView = View<(typeof policyReads)[number], LinkerdSettings>

export const namespacedKinds = policyKinds.filter((kind) => kinds[kind].namespaced)
const wideKinds = policyKinds.filter((kind) => !kinds[kind].namespaced)

/** A policy that selects a Pod, or may once its values are filled in. */
export interface Selecting {
  readonly policy: Policy
  readonly certain: boolean
}

const certainly = new WeakMap<Policy, Selecting>()
const perhaps = new WeakMap<Policy, Selecting>()

/** For the same policy, the same object. */
export function selecting(policy: Policy, certain: boolean): Selecting {
  const known = certain ? certainly : perhaps
  let found = known.get(policy)
  if (found === undefined) known.set(policy, (found = { policy, certain }))
  return found
}

/** An object of any dialect in the common form, once per object: objects do not change. */
export function formsOf(resource: Resource<PolicyKind>, view: PolicyView): readonly Policy[] {
  return view.derive(startForms)(resource)
}

/** Filled as objects are met. It holds as long as Calico's tiers do. */
function startForms(view: PolicyView): (resource: Resource<PolicyKind>) => readonly Policy[] {
  const tiers = calicoTiers(view.all('CalicoTier'))
  const known = new WeakMap<Resource<PolicyKind>, readonly Policy[]>()
  return (resource) => {
    const found = known.get(resource) ?? translate(resource, tiers)
    known.set(resource, found)
    return found
  }
}

/** The policy that one narrowed to a namespace comes from. */
const origins = new WeakMap<Policy, Policy>()

/**
 * Every policy about Pods of a namespace. Of those about Pods of any, what they say of this one: their subjects then speak of
 * Pods alone. The empty name stands for namespaces that nobody has seen, where only the latter are, and as they are.
 */
export function policiesIn(namespace: string, view: PolicyView): readonly Policy[] {
  return view.deriveFor(namespace, findPolicies)
}

function findPolicies(view: PolicyView, namespace: string): readonly Policy[] {
  const own = formsIn(namespace, view)
  if (namespace === '') return [...own, ...view.derive(findWide).all]
  const here = own.flatMap((policy) =>
    asksNamespace(policy) ? placedAt([policy], namespace, view).map((one) => narrowed(one, namespace)) : policy,
  )
  return [...here, ...view.deriveFor(namespace, findWideHere)]
}

/** The policies that are objects of the namespace. */
export function formsIn(namespace: string, view: PolicyView): readonly Policy[] {
  const forms = view.derive(startForms)
  return namespacedKinds.flatMap((kind) => view.inNamespace<PolicyKind>(kind, namespace).flatMap(forms))
}

/** Kept by itself: what changes most are policies of the namespace. */
function findWideHere(view: PolicyView, namespace: string): readonly Policy[] {
  return widePoliciesAt(namespace, view).map((one) => narrowed(one, namespace))
}

/** Does it ask for labels of the namespace? Cilium's may, although they are about one namespace. */
function asksNamespace({ subject }: Policy): boolean {
  for (const key of subject.keys()) if (key.startsWith(namespaceKey)) return true
  return false
}

/** A policy, and whether it is about Pods of a namespace. */
export interface PolicyAt {
  readonly policy: Policy
  readonly match: 'yes' | 'maybe'
}

/** The policies about Pods of any namespace that are about this one, or may be. */
export function widePoliciesAt(namespace: string, view: PolicyView): readonly PolicyAt[] {
  const { all, holding } = view.derive(findWide)
  const labels = namespaceLabelsOf(namespace, view)
  return labels ? holding(labels).map((policy) => ({ policy, match: 'yes' })) : placedAt(all, namespace, view)
}

/** Of these policies, those that are about the namespace, or may be. */
export function placedAt(policies: readonly Policy[], namespace: string, view: PolicyView): readonly PolicyAt[] {
  const labels = namespaceLabelsOf(namespace, view)
  return policies.flatMap((policy): PolicyAt[] => {
    const match = namespaceMatches(policy.subject, namespace, labels)
    return match === 'no' ? [] : [{ policy, match }]
  })
}

function findWide(view: PolicyView): { all: readonly Policy[]; holding: (labels: Labels) => readonly Policy[] } {
  const all = wideKinds.flatMap((kind) => view.all<PolicyKind>(kind).flatMap((one) => formsOf(one, view)))
  return { all, holding: indexBoxes(all, ({ subject }) => subject, namespaceKey).holding }
}

/** What a policy says of a namespace: its subject then speaks of Pods alone. */
function narrowed({ policy, match }: PolicyAt, namespace: string): Policy {
  const subject: Box = new Map([...policy.subject].filter(([key]) => key.startsWith(podKey)))
  // One that may be about the namespace, or not, is no policy of it.
  const narrow: Policy =
    match === 'maybe' ? { ...policy, subject, unknownSubject: true } : { ...policy, namespace, subject }
  origins.set(narrow, policy)
  return narrow
}

/**
 * A policy for each namespace that it is surely about: itself, where it is one namespace's. In files, one about Pods of any
 * namespace also stands for those nobody has seen.
 */
export function placesOf(policy: Policy, isWide: boolean, view: PolicyView): readonly Policy[] {
  if (!isWide) return asksNamespace(policy) ? narrowedIn(policy.namespace, policy, view) : [policy]
  return possiblePlaces(policy, view)
    .filter((name) => !isControlPlane(name, view))
    .flatMap((name) => narrowedIn(name, policy, view))
}

/** Namespaces that a policy may be about; where it names one, only that is looked at. */
function possiblePlaces({ subject }: Policy, view: PolicyView): readonly string[] {
  const [only, ...others] = listedValues(subject, namespaceKey + namespaceNameLabel)
  const isCluster = view.scope === 'cluster'
  if (only === undefined || others.length > 0)
    return [...(isCluster ? namespacesHolding(subject, view) : knownNamespaces(view))]
  const isKnown = podsIn(only, view).length > 0 || (!isCluster && namespaceOf(view, only) !== undefined)
  return isKnown ? [only] : []
}

function narrowedIn(namespace: string, policy: Policy, view: PolicyView): readonly Policy[] {
  const found = view.deriveFor(namespace, findNarrowed).get(policy)
  return found ? [found] : []
}

/** What policies say of this namespace that ask for its labels, where they surely are about it. */
function findNarrowed(view: PolicyView, namespace: string): ReadonlyMap<Policy, Policy> {
  const here = policiesIn(namespace, view).filter((policy) => policy.namespace === namespace)
  return new Map(here.flatMap((policy) => [[origins.get(policy) ?? policy, policy]]))
}

/** Policies of a namespace that is not filled in yet, which may be any. */
export function unplacedForms(view: PolicyView): readonly Policy[] {
  return view.derive(findUnplaced)
}

function findUnplaced(view: PolicyView): readonly Policy[] {
  return namespacedKinds.flatMap((kind) =>
    view
      .all<PolicyKind>(kind)
      .filter(({ namespace }) => isUnresolved(namespace))
      .flatMap((one) => formsOf(one, view)),
  )
}

/** Is the object about Pods of any namespace? */
export function isClusterwide(resource: Resource<PolicyKind>): boolean {
  return !kinds[resource.kind].namespaced
}
