import { createCache } from '../../core/cache.ts'
import type { Partition } from '../../core/snapshot.ts'
import { kinds } from '../../k8s/kinds.ts'
import type { Resource } from '../../k8s/resource.ts'
import type { Labels } from '../../k8s/selector.ts'
import { type Box, boxKey, listedValues } from '../../policy/box.ts'
import { type BoxPostings, createBoxPostings } from '../../policy/box-postings.ts'
import {
  type Direction,
  namespaceKey,
  namespaceNameLabel,
  type Policy,
  type Rule,
  type Ruling,
} from '../../policy/policy.ts'
import { type PolicyKind, policyKinds, translate } from '../../policy/translate.ts'
import { namespacedKinds, type PolicyView } from './policy-forms.ts'
import { hasTrait, type Trait, type Traits, traitsOf } from './policy-traits.ts'

/** An object of any dialect, and what it is found by. */
export interface IndexedPolicy {
  readonly resource: Resource<PolicyKind>
  /** Its namespace; empty for one about Pods of any. */
  readonly home: string
  readonly traits: Traits
  /** Whom its policies are about. */
  readonly subjects: readonly Box[]
  /** Pods of other namespaces at the other end of its rules. */
  readonly far: readonly Box[]
  /** Directions of which it says anything. */
  readonly says: ReadonlySet<Direction>
}

/** Every policy of the cluster, found by whom it means. Corrected namespace by namespace as the cluster changes. */
export interface PolicyIndex {
  /** By Pods of other namespaces at the other end. */
  readonly peers: BoxPostings<IndexedPolicy>
  /** The same, of such rules alone as have what a rule of ours looks for. */
  readonly suspects: Readonly<Record<PeerTrait, BoxPostings<IndexedPolicy>>>
  /** Those about Pods of any namespace, by whom they are about. */
  readonly subjects: BoxPostings<IndexedPolicy>
  /** By namespace; those about Pods of any under the empty name. */
  readonly homes: Map<string, readonly IndexedPolicy[]>
  /** Of equal boxes, one. */
  readonly share: (box: Box) => Box
}

const peerTraits = [
  'opens-without-proxy-port',
  'opens-only-proxy-port',
  'opens-to-addresses',
  'denies-ports',
  'filters',
] as const satisfies readonly Trait[]

/** What a rule of a policy has by itself. */
type PeerTrait = (typeof peerTraits)[number]

/** The policies of the cluster as it is. */
export function policyIndex(view: PolicyView): PolicyIndex {
  return view.around().maintain(buildIndex, correctIndex)
}

const wideKinds = policyKinds.filter((kind) => !kinds[kind].namespaced)
/** No namespace has this name. */
export const wideHome = ''

function buildIndex(view: PolicyView): PolicyIndex {
  const boxes = createCache<Box>()
  const index: PolicyIndex = {
    peers: createBoxPostings(),
    suspects: {
      'opens-without-proxy-port': createBoxPostings(),
      'opens-only-proxy-port': createBoxPostings(),
      'opens-to-addresses': createBoxPostings(),
      'denies-ports': createBoxPostings(),
      filters: createBoxPostings(),
    },
    subjects: createBoxPostings(),
    homes: new Map(),
    share: (box) => boxes(boxKey(box), () => box),
  }
  for (const home of new Set(namespacedKinds.flatMap((kind) => [...view.namespacesWith(kind)]))) file(index, home, view)
  file(index, wideHome, view)
  return index
}

function correctIndex(index: PolicyIndex, changed: readonly Partition[], view: PolicyView): void {
  const homes = changed.map(({ kind, namespace }) => (kinds[kind].namespaced ? namespace : wideHome))
  for (const home of new Set(homes)) file(index, home, view)
}

/** Only what has changed is translated again. */
function file(index: PolicyIndex, home: string, view: PolicyView): void {
  const found =
    home === wideHome
      ? wideKinds.flatMap((kind): readonly Resource<PolicyKind>[] => view.all<PolicyKind>(kind))
      : namespacedKinds.flatMap((kind): readonly Resource<PolicyKind>[] => view.inNamespace<PolicyKind>(kind, home))
  const before = new Map((index.homes.get(home) ?? []).map((one) => [one.resource, one]))
  const after = found.map((resource) => before.get(resource) ?? add(index, resource, home, view))
  const kept = new Set(after)
  for (const one of before.values()) if (!kept.has(one)) remove(index, one, view)
  if (after.length > 0) index.homes.set(home, after)
  else index.homes.delete(home)
}

function add(index: PolicyIndex, resource: Resource<PolicyKind>, home: string, view: PolicyView): IndexedPolicy {
  // Tiers decide in which order policies are asked, not whom they mean; and ten thousand need not be kept in this form.
  const policies = translate(resource)
  const subjects = policies.map(({ subject }) => index.share(subject))
  const far = [
    ...new Set(
      policies
        .flatMap(rulesOf)
        .flatMap((rule) => farBoxes(rule, home))
        .map(index.share),
    ),
  ]
  const one = { resource, home, traits: traitsOf(policies, view.settings), subjects, far, says: directionsOf(policies) }
  forPeers(index, policies, one, view, (postings, box) => postings.add(box, one))
  if (home === wideHome) for (const box of subjects) index.subjects.add(box, one)
  return one
}

function remove(index: PolicyIndex, one: IndexedPolicy, view: PolicyView): void {
  forPeers(index, translate(one.resource), one, view, (postings, box) => postings.remove(box, one))
  if (one.home === wideHome) for (const box of one.subjects) index.subjects.remove(box, one)
}

/** Cluster-wide policies about a namespace; where its labels are not known, all. */
export function wideAbout(labels: Labels | undefined, { subjects, homes }: PolicyIndex): readonly IndexedPolicy[] {
  return labels ? [...subjects.holding(labels)].map(([one]) => one) : (homes.get(wideHome) ?? [])
}

/** Boxes of Pods of other namespaces, and a text that only the same ones have. */
interface FarBoxes {
  readonly boxes: readonly Box[]
  readonly key: string
}

interface KnownFar extends FarBoxes {
  readonly labels: Labels
  readonly wide: readonly IndexedPolicy[] | undefined
}

/** By the policies of a namespace, which are another list when one of them has changed. */
const knownFar = new WeakMap<readonly IndexedPolicy[], KnownFar>()
const numbers = new WeakMap<Box, number>()
let lastNumber = 0

/** Whom policies about Pods of a namespace mean of other namespaces. */
export function farOf(home: string, labels: Labels, index: PolicyIndex): FarBoxes {
  const policies = index.homes.get(home) ?? none
  const wide = index.homes.get(wideHome)
  const known = knownFar.get(policies)
  if (known?.labels === labels && known.wide === wide && policies !== none) return known
  const boxes = [...new Set([...policies, ...wideAbout(labels, index)].flatMap(({ far }) => far))]
  const key = boxes
    .map(numberOf)
    .toSorted((left, right) => left - right)
    .join()
  const found = { boxes, key, labels, wide }
  knownFar.set(policies, found)
  return found
}

const none: readonly IndexedPolicy[] = []

function numberOf(box: Box): number {
  const number = numbers.get(box) ?? ++lastNumber
  numbers.set(box, number)
  return number
}

/** Directions of which policies say anything. */
export function directionsOf(policies: readonly Policy[]): ReadonlySet<Direction> {
  const found = (['ingress', 'egress'] as const).filter((direction) =>
    policies.some(({ directions }) => {
      const { isolates, rules, restrictions } = directions[direction]
      return isolates || rules.length > 0 || restrictions.length > 0
    }),
  )
  return saysOnce[found.join('')] ?? new Set()
}

/** There are many policies. */
const saysOnce: Readonly<Record<string, ReadonlySet<Direction>>> = {
  ingress: new Set(['ingress']),
  egress: new Set(['egress']),
  ingressegress: new Set(['ingress', 'egress']),
}

/** Whom the rules of policies mean at the other end, but for those of one namespace who mean nobody but their neighbours. */
function forPeers(
  { peers, suspects }: PolicyIndex,
  policies: readonly Policy[],
  { home }: IndexedPolicy,
  { settings }: PolicyView,
  use: (postings: BoxPostings<IndexedPolicy>, box: Box) => void,
): void {
  for (const policy of policies)
    for (const alone of rulesAlone(policy)) {
      const boxes = rulesOf(alone).flatMap((rule) => farBoxes(rule, home))
      if (boxes.length === 0) continue
      const traits = traitsOf([alone], settings)
      const found = peerTraits.filter((trait) => hasTrait(traits, trait))
      for (const box of boxes)
        for (const postings of [peers, ...found.map((trait) => suspects[trait])]) use(postings, box)
    }
}

function rulesOf({ directions: { ingress, egress } }: Policy): readonly Rule[] {
  return [...ingress.rules, ...ingress.restrictions, ...egress.rules, ...egress.restrictions]
}

function farBoxes({ peers }: Rule, home: string): readonly Box[] {
  return peers.flatMap((peer) => (peer.as === 'pods' && !isAtHome(peer.box, home) ? [peer.box] : []))
}

const silent: Ruling = { isolates: false, rules: [], restrictions: [] }

/** The policy with each of its rules alone. */
function* rulesAlone(policy: Policy): Generator<Policy> {
  const nothing = { ingress: silent, egress: silent }
  for (const direction of ['ingress', 'egress'] as const) {
    const { rules, restrictions } = policy.directions[direction]
    for (const rule of rules) yield { ...policy, directions: { ...nothing, [direction]: { ...silent, rules: [rule] } } }
    for (const rule of restrictions)
      yield { ...policy, directions: { ...nothing, [direction]: { ...silent, restrictions: [rule] } } }
  }
}

function isAtHome(box: Box, home: string): boolean {
  const [only, ...others] = listedValues(box, namespaceKey + namespaceNameLabel)
  return only === home && others.length === 0
}
