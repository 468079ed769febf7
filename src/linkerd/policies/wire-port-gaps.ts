import type { Confidence } from '../../core/finding.ts'
import type { Path } from '../../k8s/json.ts'
import type { Resource } from '../../k8s/resource.ts'
import { type Box, uncovered } from '../../policy/box.ts'
import { allowedButDenied, allowedParts } from '../../policy/coverage.ts'
import type { Direction, Rule } from '../../policy/policy.ts'
import type { PortSet } from '../../policy/port-set.ts'
import { isEveryPort } from '../../policy/ports.ts'
import type { PolicyKind } from '../../policy/translate.ts'
import type { PodFacts } from '../pods/pod-facts.ts'
import { unlikePeers, unlikeTargets } from './alike.ts'
import { decisionsAbout } from './decision-index.ts'
import { farCandidates } from './far-peers.ts'
import { confidenceOf, type Doubt, doubtOf, guessOf, isAlone } from './gap-certainty.ts'
import type { GapView } from './gap-view.ts'
import { meantPorts } from './meant-ports.ts'
import { isPossible, isSilent, openingRules } from './opening-rules.ts'
import { formsOf, isClusterwide } from './policy-forms.ts'
import { describePeers, isWide, knownPeer, type PeerPods, peerPodsOf } from './policy-peers.ts'
import {
  describeTarget,
  endsOf,
  type Place,
  type RuleEnd,
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
import { type Separated, separation } from './separated-rules.ts'

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
  /** To open the proxy's port may let in whom another rule keeps out of the application's ports: {@link separation}. */
  readonly separated: boolean
  readonly confidence: Confidence
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

/** And whether the rule is separated. */
interface GapEnd extends RuleEnd {
  readonly separated: Separated
}

function* gapBetween(end: GapEnd, peers: PeerPods, view: GapView): Generator<WirePortGap> {
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
function* farGaps(end: GapEnd, box: Box, view: GapView): Generator<WirePortGap> {
  for (const candidates of farCandidates(end, box, view))
    for (const pod of candidates) {
      const [gap] = gapBetween(end, knownPeer(pod, box, view), view)
      if (gap === undefined) continue
      yield gap
      break
    }
}
