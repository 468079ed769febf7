import type { Confidence } from '../../core/finding.ts'
import type { Resource } from '../../k8s/resource.ts'
import type { Box } from '../../policy/box.ts'
import { allowedButDenied, allowedParts } from '../../policy/coverage.ts'
import type { Direction, Policy, Rule } from '../../policy/policy.ts'
import { allPorts, type PortSet, portIntersection, portsOf, portUnion } from '../../policy/port-set.ts'
import type { PolicyKind } from '../../policy/translate.ts'
import type { PodFacts } from '../pods/pod-facts.ts'
import { unlikePeers, unlikeTargets } from './alike.ts'
import { farPods } from './far-peers.ts'
import { confidenceOf, type Doubt, doubtOf, guessOf, isAlone } from './gap-certainty.ts'
import { type GapView } from './gap-view.ts'
import { formsOf, isClusterwide, type Selecting } from './policy-forms.ts'
import { describePeers, isWide, knownPeer, type PeerPods, peerPodsOf } from './policy-peers.ts'
import { describeTarget, endsOf, type TargetEnd, type TargetPods, targetsByPlace } from './policy-targets.ts'
import { type AskedPort, askedOf, includesAsked, portsBeside } from './port-question.ts'
import { claimsOn, type Ends, grants, pairsOf } from './proxy-port-cover.ts'
import { redirectedPorts } from './wire-port.ts'

/** A rule that denies the port that the mesh uses to a pair that may talk on an application's. */
export interface DeniedProxyPort {
  readonly rule: Rule
  readonly direction: Direction
  /** An application's port that stays open; `other ports` where none is named. */
  readonly ports: string
  readonly proxyPort: number
  readonly client: string
  readonly server: string
  readonly doubt: Doubt | undefined
  readonly guess: string | undefined
  readonly confidence: Confidence
}

const none: readonly Selecting[] = []

/** The policy that holds a rule, one of its targets, and every policy about that one. */
interface Denial {
  readonly own: Policy
  readonly rule: Rule
  readonly direction: Direction
  readonly target: TargetPods
  readonly policies: readonly Selecting[]
}

/**
 * Rules that deny, and are the first to speak of the proxy's port for a pair of meshed Pods which some application's port is
 * open to that the rule does not name. A rule that denies both is behind the one that opens the application's port, or meant.
 */
export function* deniedProxyPorts(resource: Resource<PolicyKind>, view: GapView): Generator<DeniedProxyPort> {
  for (const policy of formsOf(resource, view)) {
    if (![policy.directions.ingress, policy.directions.egress].some(({ restrictions }) => restrictions.some(isDenial)))
      continue
    for (const place of targetsByPlace(policy, isClusterwide(resource), view))
      for (const end of unlikeTargets(endsOf(place, view), view.settings)) yield* denialsOn(end, place.own, view)
  }
}

export function isDenial({ action, ports, entries }: Rule): boolean {
  return action === 'deny' && !ports.unknown && entries.length > 0
}

function* denialsOn({ target, policies }: TargetEnd, own: Policy, view: GapView): Generator<DeniedProxyPort> {
  for (const direction of ['ingress', 'egress'] as const)
    for (const rule of own.directions[direction].restrictions) {
      if (!isDenial(rule)) continue
      const denial = { own, rule, direction, target, policies }
      for (const peers of peersOf(denial, view)) {
        const [found] = denialBetween(denial, peers, view)
        if (found) yield found
        // Nothing is surer than one between Pods that are known.
        if (found?.confidence === 'high' && target.box === undefined && peers.box === undefined) break
      }
    }
}

function* peersOf({ rule, own, target, policies, direction }: Denial, view: GapView): Generator<PeerPods> {
  for (const peer of rule.peers) {
    if (peer.as !== 'pods') continue
    yield* unlikePeers(peerPodsOf(peer.box, own.namespace, view), { target, policies }, none, direction, view.settings)
    if (view.scope !== 'cluster' || !isWide(peer.box)) continue
    for (const pods of farPods(peer.box, { target, policies }, direction, view))
      for (const pod of pods) yield knownPeer(pod, peer.box, view)
  }
}

function* denialBetween(denial: Denial, peers: PeerPods, view: GapView): Generator<DeniedProxyPort> {
  const { own, rule, direction, target } = denial
  if (peers.pod.unknown || isAlone(target, peers.pod, peers)) return
  const [client, server] = direction === 'ingress' ? [peers.pod, target.pod] : [target.pod, peers.pod]
  if (!grants(rule.ports, server)) return
  const ends = { ...denial, peers }
  const cut = cutPart(denial, ends, client, server, view)
  if (cut === undefined) return
  const witness = cut.box === 'unknown' ? pairsOf(ends) : cut.box
  const names = { peer: describePeers(peers, witness), target: describeTarget(target, witness) }
  const doubt =
    cut.box === 'unknown' ? 'size' : doubtOf(target, peers, { boxes: [], byAddress: false, unknown: cut.unknown }, view)
  const guess = guessOf(own, rule)
  const confidence = confidenceOf(doubt)
  yield {
    rule,
    direction,
    ports: cut.ports,
    proxyPort: server.inboundPort,
    client: direction === 'ingress' ? names.peer : names.target,
    server: direction === 'ingress' ? names.target : names.peer,
    doubt,
    guess,
    confidence: guess !== undefined && confidence === 'high' ? 'medium' : confidence,
  }
}

interface Cut {
  readonly box: Box | 'unknown'
  readonly ports: string
  /** A value that is not filled in may decide otherwise. */
  readonly unknown: boolean
}

/** Pairs to which a port stays open, and the proxy's is denied by this rule. */
function cutPart(
  { rule, policies, direction }: Denial,
  ends: Ends,
  client: PodFacts,
  server: PodFacts,
  view: GapView,
): Cut | undefined {
  const proxy = claimsOn(ends, ({ ports }) => grants(ports, server), view.settings)
  const spared = proxy.claims.map((claim) => (claim.rule === rule ? { ...claim, action: 'allow' as const } : claim))
  for (const { port, text } of portsLeft(rule, policies, direction, client, server, view)) {
    const app = claimsOn(ends, ({ ports }) => includesAsked(ports, port, server), view.settings)
    const cut = { ports: text, unknown: proxy.unknown || app.unknown }
    const open = allowedParts(pairsOf(ends), app.claims)
    for (const part of open?.flatMap((one) => allowedParts(one, spared)) ?? [undefined]) {
      const box = part === undefined ? 'unknown' : allowedButDenied(part, [], proxy.claims)
      if (box !== undefined) return { ...cut, box }
    }
  }
  return undefined
}

/** Ports that the mesh redirects and the rule does not name: those that somebody names first, then any. */
function portsLeft(
  rule: Rule,
  policies: readonly Selecting[],
  direction: Direction,
  client: PodFacts,
  server: PodFacts,
  view: GapView,
): readonly { readonly port: AskedPort; readonly text: string }[] {
  const all = portsBeside(redirectedPorts(allPorts, client, server, view), rule, server)
  const rulings = policies.map(({ policy }) => policy.directions[direction])
  const opening = rulings.flatMap(({ rules }) => rules).map(({ ports }) => ports)
  const names = new Set(opening.flatMap((ports) => ports.names).filter((name) => !rule.ports.names.includes(name)))
  const listed = opening.map(({ numbers }) => numbers).filter((numbers) => (numbers[0]?.[1] ?? 0) < 65535)
  const named = portsOf([...names].flatMap((name) => server.named.get(name) ?? []))
  const cutting = rulings.flatMap(({ rules, restrictions }) => [...rules, ...restrictions])
  const asked = (numbers: PortSet) => askedOf(portIntersection(all, numbers), cutting, server)
  return [
    ...asked(portUnion(named, server.declared, ...listed)).map((port) => ({ port, text: `${port}` })),
    ...[...names].filter(() => server.name === undefined).map((name) => ({ port: name, text: name })),
    ...asked(allPorts).map((port) => ({ port, text: 'other ports' })),
  ]
}
