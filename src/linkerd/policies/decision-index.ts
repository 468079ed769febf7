import { type Box, boxKey } from '../../policy/box.ts'
import { listedTerm } from '../../policy/box-index.ts'
import { type Decision, decisionsOf } from '../../policy/decisions.ts'
import {
  type Direction,
  namespaceKey,
  namespaceNameLabel,
  type Peer,
  type Policy,
  podKey,
  type Rule,
} from '../../policy/policy.ts'
import { formatPorts } from '../../policy/port-set.ts'
import type { Selecting } from './policy-forms.ts'
import type { PeerPods } from './policy-peers.ts'

/** A rule of a policy and one of its peers, or what a policy's tier says of all that its rules leave open. */
export interface Entry {
  readonly selecting: Selecting
  readonly rule: Rule | undefined
  readonly action: Decision['action']
  readonly peer: Peer | undefined
}

interface Known extends Decision {
  /** The policy selects the target whatever is filled in. */
  readonly certain: boolean
}

/** What policies say of a direction, prepared for being asked about many peers. */
export interface DecisionIndex {
  /** All of it. */
  readonly decisions: readonly Known[]
  /** In the order in which they are asked, all that may speak of these peers. */
  readonly about: (peers: PeerPods) => readonly Entry[]
  /** Whom some rule admits: what it says of two peers differs only if one of these boxes tells them apart. */
  readonly boxes: ReadonlyMap<string, Box>
  /** Every rule that denies or passes on. */
  readonly restrictions: readonly Rule[]
  /** Every rule that allows. */
  readonly opening: readonly Rule[]
  /** Who has rules denies the rest. */
  readonly closed: boolean
  /** One rule may stand in the way of another. Who is granted something is then not the union of who the rules grant it. */
  readonly ordered: boolean
}

/** Lists are the same for as long as nothing changes: {@link file://./policy-targets.ts}. */
const known = new WeakMap<readonly Selecting[], Partial<Record<Direction, DecisionIndex>>>()

/** What the policies say of a direction. */
export function decisionsAbout(policies: readonly Selecting[], direction: Direction): DecisionIndex {
  const both = known.get(policies) ?? {}
  const found = both[direction] ?? prepare(policies, direction)
  if (both[direction] === undefined) known.set(policies, { ...both, [direction]: found })
  return found
}

interface Placed {
  readonly entry: Entry
  readonly place: number
}

/** Fewer are gone through as fast as looked up. */
const few = 12

function prepare(policies: readonly Selecting[], direction: Direction): DecisionIndex {
  const selecting = new Map(policies.map((one) => [one.policy, one]))
  const decisions = decisionsOf([...selecting.keys()], direction)
  const entries = entriesOf(selecting, decisions)
  const boxes = new Map<string, Box>()
  for (const { peer } of entries) if (peer?.as === 'pods') boxes.set(boxKey(peer.box), peer.box)
  const rulings = [...selecting.keys()].map(({ directions }) => directions[direction])
  const restrictions = rulings.flatMap((ruling) => ruling.restrictions)
  const tiers = new Set([...selecting.keys()].map(({ tier }) => tier))
  return {
    decisions: decisions.map((one) => ({ ...one, certain: selecting.get(one.policy)?.certain === true })),
    about: entries.length <= few ? () => entries : findIn(entries),
    boxes,
    restrictions,
    opening: rulings.flatMap(({ rules }) => rules),
    closed: rulings.every(({ isolates, rules }) => isolates || rules.length === 0),
    ordered: restrictions.length > 0 || tiers.size > 1,
  }
}

/** Of entries that say the same of everybody, one. */
function entriesOf(selecting: ReadonlyMap<Policy, Selecting>, decisions: readonly Decision[]): readonly Entry[] {
  const said = new Set<string>()
  const isFirst = (key: string) => {
    if (said.has(key)) return false
    said.add(key)
    return true
  }
  const entries: Entry[] = []
  for (const { policy, rule, action } of decisions) {
    const by = selecting.get(policy)
    if (by === undefined) continue
    if (rule === undefined) {
      if (isFirst(tierKey(policy, by.certain))) entries.push({ selecting: by, rule, action, peer: undefined })
      continue
    }
    for (const peer of rule.peers) {
      if (peer.as === 'outsiders') continue
      if (peer.as === 'pods' || isFirst(`${peerKey(peer)} ${portsKey(rule)}`))
        entries.push({ selecting: by, rule, action, peer })
    }
  }
  return entries
}

function tierKey({ tier, namespace, subject }: Policy, certain: boolean): string {
  return JSON.stringify([tier, namespace, certain, boxKey(subject)])
}

function peerKey(peer: Exclude<Peer, { as: 'pods' | 'outsiders' }>): string {
  return JSON.stringify(peer.as === 'addresses' ? [peer.cidr, peer.except, peer.pods] : [])
}

function portsKey({ ports: { numbers, names, unknown } }: Rule): string {
  return JSON.stringify([formatPorts(numbers), names, unknown])
}

/** Finds by a label of the Pod, or else by the namespace's name, of which a peer asks for one of a few values. */
function findIn(entries: readonly Entry[]): (peers: PeerPods) => readonly Entry[] {
  const byLabel = new Map<string, Map<string, Placed[]>>()
  const byName = new Map<string, Placed[]>()
  const others: Placed[] = []
  for (const [place, entry] of entries.entries()) {
    const placed = { entry, place }
    const box = entry.peer?.as === 'pods' ? entry.peer.box : undefined
    const term = box && listedTerm(box, podKey)
    if (term) {
      let byValue = byLabel.get(term.key)
      if (!byValue) byLabel.set(term.key, (byValue = new Map()))
      for (const value of term.values) file(byValue, value, placed)
      continue
    }
    const names = box?.get(nameKey)
    if (names && !names.except && !names.absent) for (const name of names.listed) file(byName, name, placed)
    else others.push(placed)
  }
  return ({ pod, box, namespace }) => {
    const found = new Set(others)
    const take = (byValue: ReadonlyMap<string, readonly Placed[]>, values: Iterable<string>) => {
      for (const value of values) for (const placed of byValue.get(value) ?? []) found.add(placed)
    }
    take(byName, namespace === undefined ? byName.keys() : [namespace])
    for (const [key, byValue] of byLabel) take(byValue, valuesAsked(key, pod, box) ?? byValue.keys())
    return [...found].sort((left, right) => left.place - right.place).map(({ entry }) => entry)
  }
}

const nameKey = namespaceKey + namespaceNameLabel

/** The values that the label may have; undefined for any. */
function valuesAsked(key: string, pod: PeerPods['pod'], box: Box | undefined): Iterable<string> | undefined {
  if (box) {
    const values = box.get(podKey + key)
    return values && !values.except && !values.absent ? values.listed : undefined
  }
  if (pod.unknownLabels) return undefined
  return Object.hasOwn(pod.labels, key) ? [pod.labels[key] ?? ''] : []
}

function file(byValue: Map<string, Placed[]>, value: string, placed: Placed): void {
  const known = byValue.get(value)
  if (known) known.push(placed)
  else byValue.set(value, [placed])
}
