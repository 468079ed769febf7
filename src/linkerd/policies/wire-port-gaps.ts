import type { Confidence } from '../../core/finding.ts'
import type { View } from '../../core/view.ts'
import type { Path } from '../../k8s/json.ts'
import type { Resource } from '../../k8s/resource.ts'
import { type Box, uncovered } from '../../policy/box.ts'
import { allowedButDenied, allowedParts } from '../../policy/coverage.ts'
import type { Direction, Policy, Rule, Ruling } from '../../policy/policy.ts'
import { hasPort, type PortSet, portDifference } from '../../policy/port-set.ts'
import { isEveryPort } from '../../policy/ports.ts'
import type { PolicyKind } from '../../policy/translate.ts'
import type { PodFacts } from '../pods/pod-facts.ts'
import type { LinkerdSettings } from '../settings.ts'
import { unlikePeers, unlikeTargets } from './alike.ts'
import { decisionsAbout } from './decision-index.ts'
import { farCandidates } from './far-peers.ts'
import { meantPorts } from './meant-ports.ts'
import { formsOf, isClusterwide, policyReads } from './policy-forms.ts'
import { describePeers, isWide, knownPeer, type PeerPods, peerPodsOf } from './policy-peers.ts'
import {
  describeTarget,
  endsOf,
  type Place,
  type Selecting,
  type TargetEnd,
  type TargetPods,
  targetsByPlace,
  unplacedPolicies,
} from './policy-targets.ts'
import { askedOf, includesAsked } from './port-question.ts'
import {
  type Cover,
  claimsOn,
  coverFrom,
  coverOf,
  type Ends,
  grants,
  type PortClaims,
  pairsOf,
} from './proxy-port-cover.ts'
import { wireReads } from './wire-port.ts'

export const gapReads = [...policyReads, ...wireReads] as const

export type GapView = View<(typeof gapReads)[number], LinkerdSettings>

/** A pair that a rule lets talk on an application's port, but no policy on the port that the mesh really uses. */
export interface WirePortGap {
  readonly direction: Direction
  readonly rule: Rule
  /** The first port entry that grants an application's port. */
  readonly path: Path
  /** The ports that were meant: `8080, 9000-9010, http`. */
  readonly ports: string
  /** The same as numbers, as far as they are. */
  readonly numbers: PortSet
  readonly proxyPort: number
  readonly target: TargetPods
  readonly client: string
  readonly server: string
  readonly doubt: Doubt | undefined
  /** What the policy says of the rule or of its subject, and the common form does not hold exactly. */
  readonly guess: string | undefined
  /** To open the proxy's port may let in whom another rule keeps out of the application's ports: {@link isSeparated}. */
  readonly separated: boolean
  readonly confidence: Confidence
}

/**
 * Why a gap may be none:
 * - `value`: a value that is not filled in yet, or labels of a namespace that are not known, may cover it;
 * - `existence`: neither end is known to be meshed, or a whole cluster or a whole namespace's known Pods do not have it;
 * - `addresses`: the port is granted to address ranges, which some network plugins match with Pods;
 * - `mesh`: one end is not known to be meshed;
 * - `size`: the policies are too many to tell.
 */
export type Doubt = 'value' | 'existence' | 'size' | 'addresses' | 'mesh'

/** Without a doubt it happens. */
export function confidenceOf(doubt: Doubt | undefined): Confidence {
  if (doubt === undefined) return 'high'
  return doubt === 'mesh' || doubt === 'addresses' ? 'medium' : 'low'
}

/**
 * Where policies open an application's port and leave out the mesh's, per rule of this policy. A gap exists if, for a
 * meshed target, a meshed peer and a direction, all policies that select the target together let the peer have some port
 * that is redirected ({@link redirectedPorts}), but not the port it is redirected to, and would if the rule had that one, too.
 *
 * The other end's policies are judged in their own right: otherwise one missing port would hide the other.
 *
 * Of pairs of known Pods that nothing tells apart, a few stand for all: {@link file://./alike.ts}.
 */
export function* wirePortGaps(resource: Resource<PolicyKind>, view: GapView): Generator<WirePortGap> {
  for (const policy of formsOf(resource, view)) {
    if (!isPossible(policy)) continue
    const places = [...targetsByPlace(policy, isClusterwide(resource), view)]
    const separated = separation(places, view)
    for (const place of places) yield* gapsOf(place, separated, view)
  }
}

/** Is a rule separated anywhere ({@link isSeparated})? */
type Separated = (rule: Rule, direction: Direction) => boolean

/** Asked for where there is a gap, as most rules have none; and then once. */
function separation(places: readonly Place[], view: GapView): Separated {
  const known = new Map<Rule, boolean>()
  return (rule, direction) => {
    const found =
      known.get(rule) ??
      places.some((place) => separableEnds(endsOf(place, view)).some((end) => isSeparated(rule, direction, end, view)))
    known.set(rule, found)
    return found
  }
}

const separable = new WeakMap<readonly TargetEnd[], readonly TargetEnd[]>()

/** Of targets that {@link isSeparated} does not tell apart, one. */
function separableEnds(ends: readonly TargetEnd[]): readonly TargetEnd[] {
  const known = separable.get(ends) ?? findSeparable(ends)
  separable.set(ends, known)
  return known
}

function findSeparable(ends: readonly TargetEnd[]): readonly TargetEnd[] {
  const seen = new Map<readonly Selecting[], Set<number>>()
  return ends.filter(({ target, policies }) => {
    const ports = seen.get(policies) ?? new Set()
    seen.set(policies, ports)
    const { inboundPort } = target.pod
    return !ports.has(inboundPort) && ports.add(inboundPort)
  })
}

/** Is there a rule that could have a gap? */
function isPossible({ directions }: Policy): boolean {
  return [directions.ingress, directions.egress].flatMap(openingRules).some((rule) => !isSilent(rule))
}

/** Rules that let something through: for good, or to the tiers behind. */
export function openingRules({ rules, restrictions }: Ruling): readonly Rule[] {
  return [...rules, ...restrictions.filter(({ action }) => action === 'pass')]
}

/** Does it grant nothing to Pods on ports that are known? */
export function isSilent({ ports, entries, peers }: Rule): boolean {
  return ports.unknown || entries.length === 0 || peers.every(({ as }) => as !== 'pods')
}

/** Does the rule have the proxy's port, whoever is on the other end? */
function grantsAlways({ ports }: Rule, direction: Direction, { targets }: Place): boolean {
  return direction === 'ingress' ? targets.every(({ pod }) => grants(ports, pod)) : isEveryPort(ports)
}

function* gapsOf(place: Place, separated: Separated, view: GapView): Generator<WirePortGap> {
  const { own: policy } = place
  for (const direction of ['ingress', 'egress'] as const)
    for (const rule of openingRules(policy.directions[direction])) {
      if (isSilent(rule) || grantsAlways(rule, direction, place)) continue
      const targets = unlikeTargets(endsOf(place, view), view.settings)
      const unplaced = unplacedPolicies(view)
      for (const peer of rule.peers) {
        if (peer.as !== 'pods') continue
        const near = peerPodsOf(peer.box, policy.namespace, view)
        const far = view.scope === 'cluster' && isWide(peer.box)
        for (const { target, policies } of targets) {
          const end = { policies, direction, rule, target, own: policy, separated }
          for (const peers of unlikePeers(near, end, unplaced, direction, view.settings))
            yield* gapBetween(end, peers, view)
          if (far && target.box === undefined) yield* farGaps(end, peer.box, view)
        }
      }
    }
}

/** A rule, one of the Pods it is about, and every policy that says who may reach that one. */
export interface RuleEnd {
  readonly policies: readonly Selecting[]
  readonly direction: Direction
  readonly rule: Rule
  readonly target: TargetPods
  /** The rule's policy. */
  readonly own: Policy
  readonly separated: Separated
}

/** Is there, for a target, a rule that denies or passes on some of the rule's ports and not the proxy's, or the other way round? */
function isSeparated({ ports }: Rule, direction: Direction, { target, policies }: TargetEnd, view: GapView): boolean {
  const proxyPort = direction === 'ingress' ? target.pod.inboundPort : view.settings.inboundPort
  return decisionsAbout(policies, direction).restrictions.some((other) => {
    if (other.ports.names.length > 0 || other.ports.unknown) return true
    const left = portDifference(ports.numbers, other.ports.numbers)
    const isUntouched = left.length > 0 && portDifference(ports.numbers, left).length === 0
    const takesAll = left.length === 0 && (ports.names.length === 0 || isEveryPort(other.ports))
    return hasPort(other.ports.numbers, proxyPort) ? !takesAll : !isUntouched && ports.numbers.length > 0
  })
}

function* gapBetween(end: RuleEnd, peers: PeerPods, view: GapView): Generator<WirePortGap> {
  const { direction, rule, target } = end
  if (peers.pod.unknown || isAlone(target, peers.pod, peers)) return
  const [client, server] = direction === 'ingress' ? [peers.pod, target.pod] : [target.pod, peers.pod]
  const meant = meantPorts(rule, client, server, view)
  if (meant === undefined || grants(rule.ports, server)) return
  const ends = { ...end, peers }
  const { proxy, cover } = proxyPortOf(ends, server, view)
  const left =
    proxy.plain && !decisionsAbout(end.policies, direction).ordered
      ? uncovered(pairsOf(ends), cover.boxes)
      : brokenPart(end, ends, proxy, meant.numbers, server, view)
  if (left === undefined) return
  const witness = left === 'unknown' ? pairsOf(ends) : left
  const elsewhere = coverOf(unplacedPolicies(view), direction, target, peers, server, view.settings)
  const unknown = cover.unknown || elsewhere.unknown
  const doubt = left === 'unknown' ? 'size' : doubtOf(target, peers, { ...cover, unknown }, view)
  const names = { peer: describePeers(peers, witness), target: describeTarget(target, witness) }
  const guess = guessOf(end.own, rule)
  const confidence = confidenceOf(doubt)
  yield {
    direction,
    rule,
    ...meant,
    proxyPort: server.inboundPort,
    target,
    client: direction === 'ingress' ? names.peer : names.target,
    server: direction === 'ingress' ? names.target : names.peer,
    doubt,
    guess,
    separated: end.separated(rule, direction),
    confidence: guess !== undefined && confidence === 'high' ? 'medium' : confidence,
  }
}

interface ProxyPort {
  readonly proxy: PortClaims
  readonly cover: Cover
}

/** For two ends that many rules ask about, found once. */
const proxyPorts = new WeakMap<TargetPods, WeakMap<PeerPods, WeakMap<object, ProxyPort>>>()

function proxyPortOf(ends: Ends, server: PodFacts, view: GapView): ProxyPort {
  const { target, peers, policies, direction } = ends
  const asked = decisionsAbout(policies, direction)
  let byPeers = proxyPorts.get(target)
  if (!byPeers) proxyPorts.set(target, (byPeers = new WeakMap()))
  let byPolicies = byPeers.get(peers)
  if (!byPolicies) byPeers.set(peers, (byPolicies = new WeakMap()))
  let found = byPolicies.get(asked)
  if (!found) {
    const proxy = claimsOn(ends, ({ ports }) => grants(ports, server), view.settings)
    byPolicies.set(asked, (found = { proxy, cover: coverFrom(ends, proxy) }))
  }
  return found
}

/** Pairs that have one of the rule's ports, do not have the proxy's, and would if the rule had it, too. */
function brokenPart(
  { rule, policies, direction }: RuleEnd,
  ends: Ends,
  proxy: PortClaims,
  numbers: PortSet,
  server: PodFacts,
  view: GapView,
): Box | undefined | 'unknown' {
  const mended = claimsOn(ends, (one) => one === rule || grants(one.ports, server), view.settings)
  const names = rule.ports.names.filter((name) => server.name === undefined && !server.named.has(name))
  // Of the ports that one rule opens, only rules that deny or pass on can make a difference.
  const { restrictions: cutting } = decisionsAbout(policies, direction)
  for (const port of [...askedOf(numbers, cutting, server), ...names]) {
    const app = claimsOn(ends, ({ ports }) => includesAsked(ports, port, server), view.settings)
    const open = allowedParts(pairsOf(ends), app.claims)
    const parts = open?.map((part) => allowedParts(part, mended.claims))
    if (parts === undefined) return 'unknown'
    for (const part of parts.flat()) {
      const left = part === undefined ? 'unknown' : allowedButDenied(part, [], proxy.claims)
      if (left !== undefined) return left
    }
  }
  return undefined
}

/**
 * Gaps to Pods of other namespaces in a cluster: for each way in which Pods are reached, one Pod that shows it. Who comes
 * into question is found by sets; whether there is a gap is decided as everywhere.
 */
function* farGaps(end: RuleEnd, box: Box, view: GapView): Generator<WirePortGap> {
  for (const candidates of farCandidates(end, box, view))
    for (const pod of candidates) {
      const [gap] = gapBetween(end, knownPeer(pod, box, view), view)
      if (gap === undefined) continue
      yield gap
      break
    }
}

/** What the common form of a policy does not hold exactly of this rule, or of whom the policy is about. */
export function guessOf({ notes, directions }: Policy, rule: Rule): string | undefined {
  const rules = (['ingress', 'egress'] as const).flatMap((direction) => {
    return [...directions[direction].rules, ...directions[direction].restrictions]
  })
  const others = rules.filter((one) => one !== rule).map(({ path }) => path)
  return notes.find(({ as, path }) => as === 'approximated' && !others.some((other) => startsWith(path, other)))?.reason
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((step, i) => path[i] === step)
}

/** The gravest reason to doubt what is said of two ends. */
export function doubtOf(target: TargetPods, peers: PeerPods, cover: Cover, view: GapView): Doubt | undefined {
  if (cover.unknown) return 'value'
  const meshed = [target.pod.meshed, peers.pod.meshed].filter((one) => one === 'yes').length
  if (meshed === 0 || peers.doubtful || isStandIn(peers, target)) return 'existence'
  if (target.box !== undefined && view.scope === 'cluster') return 'existence'
  if (cover.byAddress) return 'addresses'
  return meshed === 2 ? undefined : 'mesh'
}

/** Are there known Pods beside the lone target that the rule may have been written for? */
function isStandIn(peers: PeerPods, target: TargetPods): boolean {
  return peers.instead.some((pod) => !isAlone(target, pod, peers))
}

/**
 * Is the peer the target itself, which reaches itself on its loopback? Replicas reach each other. A workload that does not
 * say how many it has, has one, unless a rule is written for it to reach its like.
 */
export function isAlone({ pod }: TargetPods, peer: PodFacts, { whole }: PeerPods): boolean {
  if (pod.name === undefined || pod.name !== peer.name || pod.namespace !== peer.namespace) return false
  return pod.replicas === 'one' || (pod.replicas === 'unsaid' && whole)
}
