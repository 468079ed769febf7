import type { View } from '../../core/view.ts'
import { isUnresolved } from '../../k8s/json.ts'
import { kinds } from '../../k8s/kinds.ts'
import type { Resource } from '../../k8s/resource.ts'
import type { Box } from '../../policy/box.ts'
import { calicoTiers } from '../../policy/calico-network-policy.ts'
import { type Policy, podKey } from '../../policy/policy.ts'
import { type PolicyKind, policyKinds, translate } from '../../policy/translate.ts'
import { isControlPlane, meshReads } from '../pods/meshed.ts'
import type { LinkerdSettings } from '../settings.ts'
import { namespacesHolding } from './mesh-index.ts'
import { knownNamespaces, namespaceLabelsOf, namespaceMatches } from './policy-peers.ts'

/** What must be read to know every policy, of every dialect, about the Pods of a namespace. */
export const policyReads = [...meshReads, ...policyKinds, 'CalicoTier'] as const

export type PolicyView = View<(typeof policyReads)[number], LinkerdSettings>

const namespacedKinds = policyKinds.filter((kind) => kinds[kind].namespaced)
const wideKinds = policyKinds.filter((kind) => !kinds[kind].namespaced)

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
  const own = namespacedKinds.flatMap((kind) =>
    view.inNamespace<PolicyKind>(kind, namespace).flatMap((one) => formsOf(one, view)),
  )
  const wide = wideKinds.flatMap((kind) => view.all<PolicyKind>(kind).flatMap((one) => formsOf(one, view)))
  return [...own, ...(namespace === '' ? wide : wide.flatMap((policy) => narrowed(policy, namespace, view)))]
}

/** What a policy about Pods of any namespace says of this one. */
function narrowed(policy: Policy, namespace: string, view: PolicyView): readonly Policy[] {
  const match = namespaceMatches(policy.subject, namespace, namespaceLabelsOf(namespace, view))
  if (match === 'no') return []
  const subject: Box = new Map([...policy.subject].filter(([key]) => key.startsWith(podKey)))
  // One that may be about the namespace, or not, is no policy of it.
  const narrow: Policy =
    match === 'maybe' ? { ...policy, subject, unknownSubject: true } : { ...policy, namespace, subject }
  origins.set(narrow, policy)
  return [narrow]
}

/**
 * A policy for each namespace that it is surely about: itself, where it is one namespace's. In files, one about Pods of any
 * namespace also stands for those nobody has seen.
 */
export function placesOf(policy: Policy, isWide: boolean, view: PolicyView): readonly Policy[] {
  if (!isWide) return [policy]
  const names = view.scope === 'cluster' ? namespacesHolding(policy.subject, view) : knownNamespaces(view)
  return [...names]
    .filter((name) => !isControlPlane(name, view))
    .flatMap((name) => view.deriveFor(name, findNarrowed).get(policy) ?? [])
}

/** What policies about Pods of any namespace say of this one, where they surely are about it. */
function findNarrowed(view: PolicyView, namespace: string): ReadonlyMap<Policy, Policy> {
  const here = policiesIn(namespace, view).filter((policy) => policy.namespace === namespace)
  return new Map(here.flatMap((policy) => [[origins.get(policy) ?? policy, policy]]))
}

/** Policies of a namespace that is not filled in yet, which may be any. */
export function unplacedForms(view: PolicyView): readonly Policy[] {
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
