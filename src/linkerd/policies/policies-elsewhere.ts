import type { Change } from '../../core/rule.ts'
import type { PodKind } from '../../k8s/pod-template.ts'
import { describe, labelsOf, type Resource } from '../../k8s/resource.ts'
import type { Labels } from '../../k8s/selector.ts'
import { type Box, contains, listedValues, overlaps } from '../../policy/box.ts'
import type { BoxPostings } from '../../policy/box-postings.ts'
import { type Direction, namespaceKey, namespaceNameLabel, podKey } from '../../policy/policy.ts'
import type { PolicyKind } from '../../policy/translate.ts'
import { annotations } from '../facts.ts'
import { controlPlanesOf, isNamespaceMeshed, type MeshView } from '../pods/meshed.ts'
import { type PodFacts, podFactsOf, podsIn } from '../pods/pod-facts.ts'
import { type ChangeOf, homeOf, isAlike, isNamespaceChange, isPodChange, isPolicyChange, isTelling } from './changes.ts'
import { meshedClientIn } from './control-plane-ingress.ts'
import { changedPods, podIndex } from './mesh-index.ts'
import { formsOf, type PolicyView } from './policy-forms.ts'
import { directionsOf, type IndexedPolicy, type PolicyIndex, policyIndex, wideAbout, wideHome } from './policy-index.ts'
import { namespaceLabelsOf } from './policy-peers.ts'
import { hasTrait, type Trait, wherePortsDiffer } from './policy-traits.ts'
import { scrapers } from './scrapers.ts'
import { type Comer, twinsOf } from './twins.ts'

/**
 * What a rule about policies looks at beside the policy and the Pods it is about:
 * - `meshed peers`: Pods at the other end of its rules, as long as they are, or may be, meshed;
 * - `named peers`: Pods of namespaces that its rules name, whether they are or not;
 * - `control plane`, `scrapers`: whether all policies on such a Pod let it talk with these, whoever of them does;
 * - `siblings`: every policy about the same Pods.
 */
type Tie = 'meshed peers' | 'named peers' | 'control plane' | 'scrapers' | 'siblings'

/**
 * Policies outside the namespace of what changes about which a rule may change its mind: found by whom they mean, and left out
 * where they have nothing that the rule looks for.
 *
 *   | what changes        | policies                                                                                          |
 *   | a Namespace         | that name it, or mean Pods of it by labels, as it was or will be; cluster-wide ones about it      |
 *   | a workload          | that mean it; cluster-wide ones about it                                                          |
 *   | a namespaced policy | cluster-wide ones about its Pods                                                                  |
 *   | a cluster-wide one  | of the namespaces that it is about, and cluster-wide ones, each as far as they share Pods with it |
 *
 * A policy that does not name the namespace is left out where other Pods that it means tell it the same ({@link twinsOf}). Nearest are those that name the namespace, then those that mean it by its labels, then those that mean any.
 */
export function policiesElsewhere(
  trait: Trait,
  ...ties: readonly Tie[]
): (change: Change, view: PolicyView) => Generator<Resource<PolicyKind>> {
  return function* (change, view) {
    const home = homeOf(change)
    const wanted = arePortsUnlike(change, view) ? wherePortsDiffer(trait) : trait
    const found = new Map<IndexedPolicy, number>()
    for (const [one, rank] of meant(change, wanted, ties, view))
      if (one.home !== home && hasTrait(one.traits, wanted) && rank < (found.get(one) ?? Infinity)) found.set(one, rank)
    for (const nearness of [0, 1, 2]) for (const [{ resource }, rank] of found) if (rank === nearness) yield resource
  }
}

/**
 * Policies on the control plane outside the namespace of what changes: where somebody else will want to come in, where the control
 * plane itself changes, and where another policy on it does.
 */
export function* policiesOnControlPlane(change: Change, view: PolicyView): Generator<Resource<PolicyKind>> {
  const home = homeOf(change)
  const siblings = isPolicyChange(change) ? new Set(siblingsOf(change, 'ingress', view).map(([one]) => one)) : undefined
  if (siblings === undefined && (home === undefined || !concernsControlPlane(change, home, view))) return
  const index = policyIndex(view)
  for (const place of controlPlanesOf(view)) {
    const labels = namespaceLabelsOf(place, view)
    const about = [...(index.homes.get(place) ?? []), ...wideAbout(labels, index)]
    for (const one of new Set(about))
      if (one.home !== home && hasTrait(one.traits, 'closes-ingress') && (siblings?.has(one) ?? true))
        yield one.resource
  }
}

/** Does the control plane itself change, or who wants to come in: a Prometheus, or the Pod that stands for the meshed ones of a namespace? */
function concernsControlPlane(change: Change, home: string, view: PolicyView): boolean {
  const worlds = [view.around(), view]
  const [before, after] = worlds.map((world) => meshedClientIn(home, world))
  const watching = worlds.flatMap(scrapers).filter(({ namespace }) => namespace === home)
  const isOwn = controlPlanesOf(view).includes(home)
  if (isNamespaceChange(change))
    return isTelling(change) && (isOwn || watching.length > 0 || before !== undefined || after !== undefined)
  if (!isPodChange(change)) return false
  const one = change.after ?? change.before
  return isOwn || !isAlike(before, after) || watching.some(({ name }) => one !== undefined && name === describe(one))
}

type Ranked = readonly [policy: IndexedPolicy, rank: number]

function meant(change: Change, trait: Trait, ties: readonly Tie[], view: PolicyView): Iterable<Ranked> {
  if (isNamespaceChange(change)) return isTelling(change) ? meantByNamespace(change, trait, ties, view) : []
  if (isPolicyChange(change)) return ties.includes('siblings') ? siblingsOf(change, directionOf(trait), view) : []
  return isPodChange(change) ? meantByWorkload(change, trait, ties, view) : []
}

/** In which direction a rule that looks for it looks; undefined for both. */
function directionOf(trait: Trait): Direction | undefined {
  if (trait === 'closes-egress') return 'egress'
  return trait === 'closes-ingress' || trait === 'opens-proxy-port' ? 'ingress' : undefined
}

/** By whom they mean, policies whose rules for these have what is looked for by themselves. */
function peersWith(trait: Trait, { suspects, peers }: PolicyIndex): BoxPostings<IndexedPolicy> {
  const known: Readonly<Partial<Record<Trait, BoxPostings<IndexedPolicy>>>> = suspects
  return known[trait] ?? peers
}

function* meantByNamespace(
  change: ChangeOf<'Namespace'>,
  trait: Trait,
  ties: readonly Tie[],
  view: PolicyView,
): Generator<Ranked> {
  const index = policyIndex(view)
  const name = homeOf(change) ?? ''
  const comers = [change.before, change.after].flatMap((one, i): Comer[] => {
    const namespaceLabels = one && labelsWithName(one)
    const world = i === 0 ? view.around() : view
    return namespaceLabels ? podsIn(name, world).map((pod) => ({ pod, namespaceLabels })) : []
  })
  const states = [change.before, change.after].flatMap((one) => (one ? [labelsWithName(one)] : []))
  for (const labels of states) for (const [one] of index.subjects.holding(labels)) yield [one, 1]
  const isMeshed = [view, view.around()].some((world) => mayBeMeshed(name, world))
  yield* meantAsPeers({ home: name, states, comers, isMeshed, unseen: true }, trait, ties, view)
  if (!isAsked(name, ties, view)) return
  for (const labels of states)
    for (const [one] of index.peers.holding(labels)) for (const sibling of besides(one, index, view)) yield [sibling, 1]
}

/** Pods of a namespace that come or go, as far as policies elsewhere see them. */
interface Coming {
  readonly home: string
  /** Labels of the Namespace. */
  readonly states: readonly Labels[]
  readonly comers: readonly Comer[]
  /** Some of them may be meshed, before or after. */
  readonly isMeshed: boolean
  /** Whether Pods that nobody has seen are meshed may change as well. */
  readonly unseen: boolean
}

/**
 * Policies with rules for Pods of a namespace: those that name it, which think of Pods that nobody has seen as well, and those that
 * mean one of the Pods that come or go and has no twin.
 */
function* meantAsPeers(
  { home, states, comers, isMeshed, unseen }: Coming,
  trait: Trait,
  ties: readonly Tie[],
  view: PolicyView,
): Generator<Ranked> {
  const far = isMeshed && ties.includes('meshed peers')
  if (!far && !ties.includes('named peers')) return
  const pods = new Set(comers.map(({ pod }) => pod.labels))
  const isMeant = (box: Box, namespaces: Box) => {
    const isNamed = rankOf(namespaces) === 0
    if (isNamed ? unseen : !far) return isNamed
    return pods.values().some((labels) => contains(box, labels, podKey))
  }
  const haveTwins = twinsOf(comers, home, view)
  const known = new Map<string, boolean>()
  for (const labels of states)
    for (const [one, box] of peersWith(trait, policyIndex(view)).holding(labels, isMeant)) {
      const rank = rankOf(box)
      if (rank > 0 && one.home !== wideHome) {
        const isNoNews = known.get(one.home) ?? haveTwins(one.home)
        known.set(one.home, isNoNews)
        if (isNoNews) continue
      }
      yield [one, rank]
    }
}

/** Are there Pods in the namespace whom every other one must be able to talk with? */
function isAsked(name: string, ties: readonly Tie[], view: PolicyView): boolean {
  if (ties.includes('control plane') && controlPlanesOf(view).includes(name)) return true
  return ties.includes('scrapers') && scrapers(view).some(({ namespace }) => namespace === name)
}

/** A policy, and all that may be about the same Pods. */
function* besides(one: IndexedPolicy, index: PolicyIndex, view: PolicyView): Generator<IndexedPolicy> {
  const homes = one.home === wideHome ? homesMeant(one.subjects, index, view) : [one.home]
  for (const home of [...homes, wideHome]) yield* index.homes.get(home) ?? []
}

function* meantByWorkload(
  change: ChangeOf<PodKind>,
  trait: Trait,
  ties: readonly Tie[],
  view: PolicyView,
): Generator<Ranked> {
  const index = policyIndex(view)
  const home = homeOf(change) ?? ''
  const labels = namespaceLabelsOf(home, view)
  if (labels === undefined) return
  const before = change.before && podFactsOf(change.before, view.around())
  const after = change.after && podFactsOf(change.after, view)
  const states = [before, after].filter((one) => one !== undefined)
  const isSamePeer = isAlike(before, after)
  if (isSamePeer && before?.replicas === after?.replicas) return
  for (const pod of states)
    for (const [one] of index.subjects.holding(labels, (box) => contains(box, pod.labels, podKey))) yield [one, 1]
  if (isSamePeer) return
  const isMeshed = states.some(({ meshed }) => meshed !== 'no')
  const comers = states.map((pod): Comer => ({ pod, namespaceLabels: labels }))
  yield* meantAsPeers({ home, states: [labels], comers, isMeshed, unseen: false }, trait, ties, view)
}

/** Policies that share Pods with one that changes, and speak of a direction of which it speaks. */
function siblingsOf(change: ChangeOf<PolicyKind>, direction: Direction | undefined, view: PolicyView): Ranked[] {
  const index = policyIndex(view)
  const states = [change.before, change.after].flatMap((one) => (one ? [...formsOf(one, view)] : []))
  const says = directionsOf(states)
  const subjects = states.map(({ subject }) => subject)
  const isSibling = (one: IndexedPolicy, parts: (box: Box) => Box) =>
    one.says.values().some((way) => says.has(way) && (direction ?? way) === way) &&
    one.subjects.some((box) => subjects.some((subject) => overlaps(parts(box), parts(subject))))
  const home = homeOf(change)
  if (home !== undefined) {
    const about = wideAbout(namespaceLabelsOf(home, view), index)
    return about.filter((one) => isSibling(one, podTerms)).map((one) => [one, 1])
  }
  const near = [...homesMeant(subjects, index, view)].flatMap((name) => index.homes.get(name) ?? [])
  return [
    ...near.filter((one) => isSibling(one, podTerms)).map((one): Ranked => [one, 0]),
    ...(index.homes.get(wideHome) ?? []).filter((one) => isSibling(one, (box) => box)).map((one): Ranked => [one, 1]),
  ]
}

/** Namespaces with policies that one of these subjects may be about. */
function* homesMeant(subjects: readonly Box[], index: PolicyIndex, view: PolicyView): Generator<string> {
  const areNamed = subjects.every((subject) => listedValues(subject, nameKey).length > 0)
  const names = areNamed ? new Set(subjects.flatMap((subject) => listedValues(subject, nameKey))) : index.homes.keys()
  for (const name of names) {
    const labels = namespaceLabelsOf(name, view)
    if (name === wideHome || !index.homes.has(name)) continue
    if (labels === undefined || subjects.some((subject) => contains(subject, labels, namespaceKey))) yield name
  }
}

const nameKey = namespaceKey + namespaceNameLabel

/** How closely such a selector means a namespace: by its name, by its labels, or as any other. */
function rankOf(namespaces: Box): number {
  if (listedValues(namespaces, nameKey).length > 0) return 0
  // Every namespace has a name: that a selector asks for one says nothing.
  return [...namespaces].every(([key, { listed, except }]) => key === nameKey && except && listed.size === 0) ? 2 : 1
}

function podTerms(box: Box): Box {
  return new Map([...box].filter(([key]) => key.startsWith(podKey)))
}

function labelsWithName({ metadata, name }: Resource<'Namespace'>): Labels {
  return { ...labelsOf(metadata), [namespaceNameLabel]: name }
}

function mayBeMeshed(name: string, view: MeshView): boolean {
  return isNamespaceMeshed(name, view) !== 'no' || podsIn(name, view).some(({ meshed }) => meshed !== 'no')
}

/** Are there proxies that listen elsewhere than the settings say? */
function arePortsUnlike(change: Change, view: PolicyView): boolean {
  const { inboundPort } = view.settings
  const differs = (pod: PodFacts) => pod.inboundPort !== inboundPort
  const said = isNamespaceChange(change) ? change.after?.metadata.annotations?.[annotations.inboundPort] : undefined
  return (
    said != null ||
    [...podIndex(view).profiles(false)].some(({ sample }) => differs(sample)) ||
    changedPods(new Map(), view).flat().some(differs)
  )
}
