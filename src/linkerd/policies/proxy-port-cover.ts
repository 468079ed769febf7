import { type Box, contains, mayContain } from '../../policy/box.ts'
import { allowedParts, type Claim } from '../../policy/coverage.ts'
import { type Direction, type Ports, podKey, type Rule } from '../../policy/policy.ts'
import { hasPort } from '../../policy/port-set.ts'
import { proxyPortNames } from '../facts.ts'
import { mayHoldPods } from '../pods/pod-addresses.ts'
import type { PodFacts } from '../pods/pod-facts.ts'
import type { LinkerdSettings } from '../settings.ts'
import { decisionsAbout } from './decision-index.ts'
import type { Selecting } from './policy-forms.ts'
import { namespaceMatches, type PeerPods } from './policy-peers.ts'
import { subjectBox, type TargetPods, targetBox } from './policy-targets.ts'

/** Where the port of a server's proxy is granted. */
export interface Cover {
  /** Boxes over target and peer. */
  readonly boxes: readonly Box[]
  /** Something else may grant it: a value that is not filled in yet, a namespace of which only the name is known. */
  readonly unknown: boolean
  /** Something else grants it to addresses in which Pods may live. */
  readonly byAddress: boolean
}

/** Both ends of a question, and every policy that says who may reach the target. */
export interface Ends {
  readonly policies: readonly Selecting[]
  readonly direction: Direction
  readonly target: TargetPods
  readonly peers: PeerPods
}

/** What policies say of one port between two ends. */
export interface PortClaims {
  /** In the order in which they are asked. */
  readonly claims: readonly RuleClaim[]
  /** All that allow come first and the rest denies, in a single tier: none stands in the way of another. */
  readonly plain: boolean
  readonly unknown: boolean
  readonly byAddress: boolean
}

/** A claim, and the rule that makes it; none for what a tier says of all that its rules leave open. */
interface RuleClaim extends Claim {
  readonly rule: Rule | undefined
}

/** Which pairs of target and peer are granted the port of the server's proxy, by all policies that select the target. */
export function coverOf(
  policies: readonly Selecting[],
  direction: Direction,
  target: TargetPods,
  peers: PeerPods,
  server: PodFacts,
  settings: LinkerdSettings,
): Cover {
  const ends = { policies, direction, target, peers }
  return coverFrom(
    ends,
    claimsOn(ends, ({ ports }) => grants(ports, server), settings),
  )
}

/** What the claims allow of all pairs of the two ends. */
export function coverFrom(ends: Ends, { claims, plain, unknown, byAddress }: PortClaims): Cover {
  const boxes = plain
    ? claims.filter(({ action }) => action === 'allow').map(({ box }) => box)
    : allowedParts(pairsOf(ends), claims)
  return { boxes: boxes ?? [], unknown: unknown || boxes === undefined, byAddress }
}

/** All pairs of the two ends. */
export function pairsOf({ target, peers }: Ends): Box {
  return new Map([...targetBox(target), ...(peers.box ?? [])])
}

/**
 * What the policies say of a port.
 *
 * @param speaks is the rule about the port?
 */
export function claimsOn(
  { policies, direction, target, peers }: Ends,
  speaks: (rule: Rule) => boolean,
  settings: LinkerdSettings,
): PortClaims {
  const { about, closed } = decisionsAbout(policies, direction)
  const claims: RuleClaim[] = []
  let unknown = false
  let byAddress = false
  for (const { selecting, rule, action, peer } of about(peers)) {
    const { policy, certain } = selecting
    // Not filled in, two equal texts are one value all the same.
    const comparable = certain || (target.box !== undefined && policy.namespace === target.pod.namespace)
    const claim = (admitted: Box) => {
      const subject = target.box === undefined ? new Map() : subjectBox(policy.subject)
      claims.push({ box: new Map([...subject, ...admitted]), action, tier: policy.tier, rule })
    }
    if (rule === undefined || peer === undefined) {
      if (comparable) claim(new Map())
      continue
    }
    const granted = speaks(rule)
    if (!granted && !rule.ports.unknown) continue
    if (peer.as === 'unknown') unknown = true
    else if (peer.as === 'addresses') byAddress ||= mayHoldPods(peer, settings)
    else if (peer.as === 'pods') {
      const admitted = admittedPart(peer.box, peers)
      if (admitted === undefined) continue
      if (admitted === 'maybe' || !granted || !certain) unknown = true
      if (admitted !== 'maybe' && granted && comparable) claim(admitted)
    }
  }
  return { claims, plain: closed && allowsFirst(claims), unknown, byAddress }
}

function allowsFirst(claims: readonly Claim[]): boolean {
  const allowing = claims.filter(({ action }) => action === 'allow')
  return (
    claims.slice(0, allowing.length).every(({ action }) => action === 'allow') &&
    claims.every(({ tier, action }) => tier === claims[0]?.tier && action !== 'pass')
  )
}

/** Do these ports include the one where the server's proxy listens? Its name counts: another rule warns of it. */
export function grants({ numbers, names }: Ports, server: PodFacts): boolean {
  return (
    hasPort(numbers, server.inboundPort) ||
    names.includes(proxyPortNames.inbound) ||
    names.some((name) => server.named.get(name)?.includes(server.inboundPort))
  )
}

/** What of these peers a peer selector admits: a box over what is free in them, or nothing. */
export function admittedPart(box: Box, peers: PeerPods): Box | undefined | 'maybe' {
  if (peers.namespace === undefined) return box
  const match = namespaceMatches(box, peers.namespace, peers.namespaceLabels)
  if (match === 'no') return undefined
  if (peers.box === undefined && !contains(box, peers.pod.labels, podKey))
    return peers.pod.unknownLabels && mayContain(box, peers.pod.labels, podKey) ? 'maybe' : undefined
  if (match === 'maybe') return 'maybe'
  return peers.box === undefined ? new Map() : new Map([...box].filter(([key]) => key.startsWith(podKey)))
}
