import type { View } from '../../core/view.ts'
import { isUnresolved } from '../../k8s/json.ts'
import type { Resource } from '../../k8s/resource.ts'
import { type Box, contains, listedValues, mayContain } from '../../policy/box.ts'
import { type CalicoTier, calicoTiers } from '../../policy/calico-network-policy.ts'
import { namespaceKey, namespaceNameLabel, type Policy, podKey } from '../../policy/policy.ts'
import { type PolicyKind, policyKinds, translate } from '../../policy/translate.ts'
import { witnessOf } from '../../policy/witness.ts'
import { injectedLabels } from '../facts.ts'
import { controlPlanesOf, isControlPlane, isNamespaceMeshed, meshReads } from '../pods/meshed.ts'
import { imaginedPodIn, namespacesWithPods, type PodFacts, podsIn } from '../pods/pod-facts.ts'
import type { LinkerdSettings } from '../settings.ts'
import { namespaceLabelsOf, namespaceMatches } from './policy-peers.ts'

/** What must be read to know what policies of every dialect say, and of whom. */
export const policyReads = [...meshReads, ...policyKinds, 'CalicoTier'] as const

export type PolicyView = View<(typeof policyReads)[number], LinkerdSettings>

/** A policy that is about a Pod, or may be once its values are filled in. */
export interface PolicyOn {
  readonly policy: Policy
  readonly certain: boolean
}

/** A Pod that a policy is about. */
export interface Subject {
  /** One that is known, or one that nobody has seen and the policy would select. */
  readonly pod: PodFacts
  readonly text: string
  readonly policies: readonly PolicyOn[]
}

interface Translations {
  readonly tiers: ReadonlyMap<string, CalicoTier>
  readonly known: WeakMap<Resource<PolicyKind>, readonly Policy[]>
}

/** Policies of an object of any dialect, made once for as long as Calico's tiers stay as they are. */
export function policiesOf(resource: Resource<PolicyKind>, view: PolicyView): readonly Policy[] {
  const { tiers, known } = view.derive(findTiers)
  let policies = known.get(resource)
  if (policies === undefined) known.set(resource, (policies = translate(resource, tiers)))
  return policies
}

function findTiers(view: View<'CalicoTier', LinkerdSettings>): Translations {
  return { tiers: calicoTiers(view.all('CalicoTier')), known: new WeakMap() }
}

/** Policies that may be about Pods of a namespace: its own, and those of the whole cluster. */
function policiesAt(view: PolicyView, namespace: string): readonly Policy[] {
  const own = policyKinds.flatMap((kind) => view.inNamespace<PolicyKind>(kind, namespace))
  return [...own, ...view.derive(findWide)].flatMap((resource) => policiesOf(resource, view))
}

const wideKinds = [
  'CiliumClusterwideNetworkPolicy',
  'CalicoGlobalNetworkPolicy',
  'AdminNetworkPolicy',
  'BaselineAdminNetworkPolicy',
  'ClusterNetworkPolicy',
] as const satisfies readonly PolicyKind[]

/** Policies of the whole cluster; in files, those of a namespace that is not filled in yet as well, which may be any. */
function findWide(view: PolicyView): readonly Resource<PolicyKind>[] {
  const wide = wideKinds.flatMap((kind) => view.all<PolicyKind>(kind))
  if (view.scope === 'cluster') return wide
  const unplaced = policyKinds.flatMap((kind) => view.all<PolicyKind>(kind))
  return [...wide, ...unplaced.filter(({ namespace }) => isUnresolved(namespace))]
}

/** Every policy that is about the Pod, or may be. */
export function policiesOn(pod: PodFacts, view: PolicyView): readonly PolicyOn[] {
  const labels = namespaceLabelsOf(pod.namespace, view)
  return view.deriveFor(pod.namespace, policiesAt).flatMap((policy): PolicyOn[] => {
    const unplaced = isUnresolved(policy.namespace)
    const match = namespaceMatches(policy.subject, pod.namespace, labels)
    if (match === 'no') return []
    if (contains(policy.subject, pod.labels, podKey))
      return [{ policy, certain: !unplaced && match === 'yes' && !policy.unknownSubject }]
    const open = policy.unknownSubject || pod.unknownLabels
    return open && mayContain(policy.subject, pod.labels, podKey) ? [{ policy, certain: false }] : []
  })
}

/**
 * The Pods a policy is about, without those that are surely not meshed, or on the host's network. Where none is known, one that
 * it would select; where those that it selects are all unmeshed, nobody.
 * The control plane is not asked.
 */
export function* subjectsOf(policy: Policy, view: PolicyView): Generator<Subject> {
  if (policy.unknownSubject) return
  const names = namespacesOf(policy, view).filter((name) => !isControlPlane(name, view))
  const subject = (pod: PodFacts, text: string): Subject => ({ pod, text, policies: policiesOn(pod, view) })
  const unseen: string[] = []
  for (const name of names) {
    const selected = podsIn(name, view).filter((pod) => contains(policy.subject, pod.labels, podKey))
    if (selected.length === 0) unseen.push(name)
    for (const pod of selected)
      if (pod.meshed !== 'no' && !pod.hostNetwork && !pod.unknown) yield subject(pod, pod.name ?? '')
  }
  if (unseen.length < names.length) return
  for (const name of unseen) {
    const meshed = isNamespaceMeshed(name, view)
    const pod = meshed === 'no' ? undefined : witnessIn(name, policy.subject, meshed, view)
    if (!pod) continue
    yield subject(pod, describe(policy.subject, pod, name))
    // One of a namespace speaks for those of others.
    return
  }
}

function describe(subject: Box, { labels }: PodFacts, name: string): string {
  const own = [...subject.keys()].filter((key) => key.startsWith(podKey)).map((key) => key.slice(podKey.length))
  const terms = own.flatMap((key) => (labels[key] === undefined ? [] : [`${key}=${labels[key]}`]))
  return `${terms.length > 0 ? `pods with ${terms.join(' and ')}` : 'pods'} in namespace ${name}`
}

/** A Pod that nobody has seen, with the labels that a selector asks for and those that the injector adds. */
function witnessIn(namespace: string, box: Box, meshed: PodFacts['meshed'], view: PolicyView): PodFacts | undefined {
  const own = witnessOf(box, podKey)
  const pod = imaginedPodIn(namespace, meshed, view)
  if (own === undefined || pod.unknown) return undefined
  const labels = injectedLabels(own, { kind: 'Pod', namespace, name: '' }, controlPlanesOf(view)[0])
  return contains(box, labels, podKey) ? { ...pod, labels } : undefined
}

/** Namespaces in which a policy may be about somebody. */
function namespacesOf({ namespace, subject }: Policy, view: PolicyView): readonly string[] {
  if (namespace !== '') return isUnresolved(namespace) ? [] : [namespace]
  const listed = listedValues(subject, namespaceKey + namespaceNameLabel)
  const names = listed.length > 0 ? listed : new Set([...view.namespacesWith('Namespace'), ...namespacesWithPods(view)])
  return [...names].filter((name) => namespaceMatches(subject, name, namespaceLabelsOf(name, view)) === 'yes')
}
