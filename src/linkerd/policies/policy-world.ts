import { type Cache, createCache } from '../../core/cache.ts'
import { isUnresolved } from '../../k8s/json.ts'
import { type Box, boxKey, contains, listedValues, mayContain } from '../../policy/box.ts'
import { type BoxLists, listByBox } from '../../policy/box-lists.ts'
import { namespaceKey, namespaceNameLabel, type Policy, podKey } from '../../policy/policy.ts'
import { witnessOf } from '../../policy/witness.ts'
import { injectedLabels } from '../facts.ts'
import { controlPlanesOf, isControlPlane, isNamespaceMeshed } from '../pods/meshed.ts'
import { imaginedPodIn, namespacesWithPods, type PodFacts, podsIn } from '../pods/pod-facts.ts'
import { podsHeld } from '../pods/selected-pods.ts'
import {
  formsIn,
  type PolicyAt,
  type PolicyView,
  placedAt,
  type Selecting,
  selecting,
  unplacedForms,
  widePoliciesAt,
} from './policy-forms.ts'
import { namespaceLabelsOf, namespaceMatches } from './policy-peers.ts'

/** A Pod that a policy is about. */
export interface Subject {
  /** One that is known, or one that nobody has seen and the policy would select. */
  readonly pod: PodFacts
  readonly text: string
  readonly policies: readonly Selecting[]
}

/** Policies that may be about Pods of a namespace, and how to find those that are about one. */
interface PoliciesAt {
  readonly all: readonly PolicyAt[]
  readonly lists: BoxLists<Selecting>
  /** Whom they are about hangs on a value that is not filled in. */
  readonly isOpen: boolean
}

function findPolicies(view: PolicyView, namespace: string): PoliciesAt {
  const unplaced = view.scope === 'cluster' ? [] : view.derive(unplacedForms)
  const all = [
    ...placedAt(formsIn(namespace, view), namespace, view),
    ...widePoliciesAt(namespace, view),
    ...placedAt(unplaced, namespace, view),
  ]
  const around = view.around()
  const base = around === view ? undefined : around.deriveFor(namespace, findPolicies)
  const found = all.map(({ policy, match }) => selecting(policy, isCertain(policy, match)))
  return {
    all,
    lists: listByBox(found, ({ policy }) => policy.subject, podKey, base?.lists),
    isOpen: all.some(({ policy }) => policy.unknownSubject),
  }
}

function isCertain({ namespace, unknownSubject }: Policy, match: PolicyAt['match']): boolean {
  return !isUnresolved(namespace) && match === 'yes' && !unknownSubject
}

/** Every policy that is about the Pod, or may be. Pods of a namespace that the same ones are about have the same list. */
export function policiesOn(pod: PodFacts, view: PolicyView): readonly Selecting[] {
  const { all, lists, isOpen } = view.deriveFor(pod.namespace, findPolicies)
  if (!isOpen && !pod.unknownLabels) return lists.holding(pod.labels)
  return all.flatMap(({ policy, match }): Selecting[] => {
    if (contains(policy.subject, pod.labels, podKey)) return [selecting(policy, isCertain(policy, match))]
    const open = policy.unknownSubject || pod.unknownLabels
    return open && mayContain(policy.subject, pod.labels, podKey) ? [selecting(policy, false)] : []
  })
}

/**
 * The Pods a policy is about, without those that are surely not meshed, or on the host's network. Where none is known, one that
 * it would select; where those that it selects are all unmeshed, nobody.
 * The control plane is not asked.
 */
export function subjectsOf(policy: Policy, view: PolicyView): readonly Subject[] {
  if (policy.unknownSubject || isUnresolved(policy.namespace)) return []
  return policy.namespace === ''
    ? findSubjects(policy, view)
    : view.deriveFor(policy.namespace, startSubjects)(policy.subject, () => findSubjects(policy, view))
}

/** Policies of one namespace that are about the same Pods. It holds as long as what {@link findSubjects} looks at. */
function startSubjects(view: PolicyView, namespace: string) {
  podsIn(namespace, view)
  view.deriveFor(namespace, findPolicies)
  controlPlanesOf(view)
  const known: Cache<readonly Subject[]> = createCache()
  return (subject: Box, find: () => readonly Subject[]) => known(boxKey(subject), find)
}

function findSubjects(policy: Policy, view: PolicyView): readonly Subject[] {
  const names = namespacesOf(policy, view).filter((name) => !isControlPlane(name, view))
  const subject = (pod: PodFacts, text: string): Subject => ({ pod, text, policies: policiesOn(pod, view) })
  const known: Subject[] = []
  const unseen: string[] = []
  for (const name of names) {
    const selected = podsHeld(name, policy.subject, view)
    if (selected.length === 0) unseen.push(name)
    for (const pod of selected)
      if (pod.meshed !== 'no' && !pod.hostNetwork && !pod.unknown) known.push(subject(pod, pod.name ?? ''))
  }
  if (unseen.length < names.length) return known
  for (const name of unseen) {
    const meshed = isNamespaceMeshed(name, view)
    const pod = meshed === 'no' ? undefined : witnessIn(name, policy.subject, meshed, view)
    // One of a namespace speaks for those of others.
    if (pod) return [subject(pod, describe(policy.subject, pod, name))]
  }
  return []
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
