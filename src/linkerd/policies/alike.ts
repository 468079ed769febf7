import { type Box, boxKey } from '../../policy/box.ts'
import { indexLabels, listedTerm } from '../../policy/box-index.ts'
import { type Direction, namespaceKey, namespaceNameLabel, podKey } from '../../policy/policy.ts'
import { formatPorts } from '../../policy/port-set.ts'
import { labels } from '../facts.ts'
import { namesKey, type PodFacts } from '../pods/pod-facts.ts'
import { wireKey } from '../pods/pod-index.ts'
import { type LinkerdSettings, redirectsEveryPort } from '../settings.ts'
import { decisionsAbout } from './decision-index.ts'
import type { Selecting } from './policy-forms.ts'
import type { PeerPods } from './policy-peers.ts'
import type { TargetEnd } from './policy-targets.ts'
import { admittedPart } from './proxy-port-cover.ts'

/*
 * Pods of which the mesh and every policy say the same are one class, and one of them answers for all. Of each class three
 * are kept, in their order: whoever asks about pairs then finds the first pair of two, whose name it tells, and whether there
 * are others.
 */
const kept = 3

const targets = new WeakMap<readonly TargetEnd[], readonly TargetEnd[]>()

/** Of targets with the same policies that are alike for the mesh, the first few. */
export function unlikeTargets(ends: readonly TargetEnd[], settings: LinkerdSettings): readonly TargetEnd[] {
  if (ends.length <= kept) return ends
  // What a Server says of a port hangs on the Pod's labels.
  if (!redirectsEveryPort(settings)) return ends
  const found = targets.get(ends) ?? findUnlikeTargets(ends)
  targets.set(ends, found)
  return found
}

function findUnlikeTargets(ends: readonly TargetEnd[]): readonly TargetEnd[] {
  const lists = new Map<readonly Selecting[], Map<string, number>>()
  return ends.filter(({ target: { pod, box }, policies }) => {
    if (box !== undefined) return true
    let counts = lists.get(policies)
    if (!counts) lists.set(policies, (counts = new Map()))
    const key = podProfile(pod) + pod.namespace
    const count = counts.get(key) ?? 0
    counts.set(key, count + 1)
    return count < kept
  })
}

const podProfiles = new WeakMap<PodFacts, string>()

function podProfile(pod: PodFacts): string {
  const found = podProfiles.get(pod) ?? profileOf(pod)
  podProfiles.set(pod, found)
  return found
}

/** Everything of a Pod that decides between two ends, but its name and what selectors ask for. */
function profileOf(pod: PodFacts): string {
  const { hostNetwork, unknown, unknownLabels, replicas, declared, named, name } = pod
  const flags = [name === undefined, hostNetwork, unknown, unknownLabels, replicas, formatPorts(declared)].join('|')
  return `${wireKey(pod)}|${flags}|${namesKey(named)}`
}

/** Peers that are alike but for labels and names. */
interface Profile {
  readonly peers: readonly PeerPods[]
  /** Where each is among all. */
  readonly places: readonly number[]
  /** By the key of a box: what it says of those of whom it does not say what it says of most. */
  readonly exceptions: Map<string, ReadonlyMap<number, string>>
  readonly find: ((box: Box) => readonly number[]) | undefined
}

/** Lists of peers are cut into profiles once, and for each list of policies once more. */
const profiled = new WeakMap<readonly PeerPods[], readonly Profile[]>()
const answers = new WeakMap<
  readonly PeerPods[],
  WeakMap<readonly Selecting[], Partial<Record<Direction, readonly PeerPods[]>>>
>()

/**
 * Of peers that are alike for the mesh, and of which every rule on the target says the same, the first few.
 *
 * @param unplaced policies that may be about the target as well
 */
export function unlikePeers(
  peers: readonly PeerPods[],
  { target, policies }: TargetEnd,
  unplaced: readonly Selecting[],
  direction: Direction,
  settings: LinkerdSettings,
): readonly PeerPods[] {
  if (peers.length <= kept) return peers
  // On which ports they are reached may hang on their labels and namespaces: those of Servers, and of Services that are skipped.
  if (direction === 'egress' && (!redirectsEveryPort(settings) || target.pod.skipOutbound.length > 0)) return peers
  let byPolicies = answers.get(peers)
  if (!byPolicies) answers.set(peers, (byPolicies = new WeakMap()))
  const known = byPolicies.get(policies) ?? {}
  const found = known[direction] ?? findUnlike(peers, target.pod.namespace, [policies, unplaced], direction)
  byPolicies.set(policies, { ...known, [direction]: found })
  return found
}

function findUnlike(
  peers: readonly PeerPods[],
  home: string,
  lists: readonly (readonly Selecting[])[],
  direction: Direction,
): readonly PeerPods[] {
  const profiles = profiled.get(peers) ?? profilesOf(peers)
  profiled.set(peers, profiles)
  const boxes = new Map(lists.flatMap((policies) => [...decisionsAbout(policies, direction).boxes]))
  const places = profiles.flatMap((profile) => {
    const marks = new Map<number, string>()
    // Some of a namespace nobody has seen may be its known Pods, of which the target may be one.
    for (const [i, one] of profile.peers.entries())
      if (one.namespace === home && one.instead.length > 0) marks.set(i, 'home')
    for (const [key, box] of boxes)
      for (const [i, mark] of exceptionsIn(profile, key, box)) marks.set(i, `${marks.get(i) ?? ''}${key}${mark}|`)
    return firstFew(profile.peers.length, marks).flatMap((i) => profile.places.slice(i, i + 1))
  })
  return places.toSorted((left, right) => left - right).flatMap((place) => peers.slice(place, place + 1))
}

/** Of numbers with the same mark, or none, the first few. */
function firstFew(length: number, marks: ReadonlyMap<number, string>): number[] {
  const counts = new Map<string, number>()
  const few: number[] = []
  for (const [i, mark] of [...marks].toSorted(([left], [right]) => left - right)) {
    const count = counts.get(mark) ?? 0
    counts.set(mark, count + 1)
    if (count < kept) few.push(i)
  }
  for (let i = 0, count = 0; i < length && count < kept; i++)
    if (!marks.has(i)) {
      few.push(i)
      count++
    }
  return few
}

function profilesOf(peers: readonly PeerPods[]): readonly Profile[] {
  const places = new Map<string, number[]>()
  for (const [place, one] of peers.entries()) {
    const key = peersProfile(one)
    const known = places.get(key)
    if (known) known.push(place)
    else places.set(key, [place])
  }
  return Array.from(places.values(), (found): Profile => {
    const members = found.flatMap((place) => peers.slice(place, place + 1))
    return { peers: members, places: found, exceptions: new Map(), find: finderOf(members) }
  })
}

const workloadNamespace = podKey + labels.workloadNamespace

function peersProfile({ pod, box, namespace, doubtful, whole, instead }: PeerPods): string {
  const own = box && boxKey(new Map([...box].filter(([key]) => key !== workloadNamespace)))
  return JSON.stringify([podProfile(pod), own ?? null, namespace === undefined, doubtful, whole, instead.length > 0])
}

/** Whom a box that asks for few may hold, by places: the others it does not. */
function finderOf(peers: readonly PeerPods[]): Profile['find'] {
  const places = [...peers.keys()]
  const labelsAt = (place: number) => peers[place]?.pod.labels ?? {}
  const namesAt = (place: number) => ({ [namespaceNameLabel]: peers[place]?.namespace ?? '' })
  const [first] = peers
  // Those of Pods nobody has seen may be any.
  const isKnown = first?.box === undefined && first?.pod.unknownLabels === false
  const byLabel = isKnown ? indexLabels(places, labelsAt, podKey) : undefined
  const byName = first?.namespace === undefined ? undefined : indexLabels(places, namesAt, namespaceKey)
  return (box) => {
    if (byLabel && listedTerm(box, podKey)) return byLabel(box)
    const name = box.get(nameKey)
    return byName && name && listedTerm(new Map([[nameKey, name]]), namespaceKey)
      ? byName(new Map([[nameKey, name]]))
      : places
  }
}

const nameKey = namespaceKey + namespaceNameLabel

function exceptionsIn(profile: Profile, key: string, box: Box): ReadonlyMap<number, string> {
  let found = profile.exceptions.get(key)
  if (found === undefined) profile.exceptions.set(key, (found = findExceptions(profile, box)))
  return found
}

function findExceptions({ peers, find }: Profile, box: Box): ReadonlyMap<number, string> {
  const marks = new Map<number, string>()
  const counts = new Map<string, number>([['no', peers.length]])
  for (const i of find?.(box) ?? []) {
    const one = peers[i]
    const mark = one === undefined ? 'no' : markOf(one, box)
    if (mark === 'no') continue
    marks.set(i, mark)
    counts.set(mark, (counts.get(mark) ?? 0) + 1)
    counts.set('no', (counts.get('no') ?? 0) - 1)
  }
  const [most] = [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))
  if (most === 'no') return marks
  const exceptions = new Map<number, string>()
  for (const i of peers.keys()) {
    const mark = marks.get(i) ?? 'no'
    if (mark !== most) exceptions.set(i, mark)
  }
  return exceptions
}

/** What a box says of peers. Of Pods nobody has seen, it is its own terms, unless they ask for what differs among these. */
function markOf(peers: PeerPods, box: Box): string {
  const admitted = admittedPart(box, peers)
  if (admitted === undefined) return 'no'
  if (admitted === 'maybe') return 'maybe'
  return peers.box !== undefined && box.has(workloadNamespace) ? `in ${peers.namespace ?? ''}` : 'yes'
}
