import { type Box, contains, mayContain } from '../policy/box.ts'
import { allowedParts, type Claim } from '../policy/coverage.ts'
import { decisionsOf } from '../policy/decisions.ts'
import { type Direction, type Ports, podKey } from '../policy/policy.ts'
import { hasPort } from '../policy/port-set.ts'
import { proxyPortNames } from './facts.ts'
import { mayHoldPods } from './pod-addresses.ts'
import type { PodFacts } from './pod-facts.ts'
import { namespaceMatches, type PeerPods } from './policy-peers.ts'
import { type Selecting, subjectBox, type TargetPods, targetBox } from './policy-targets.ts'
import type { LinkerdSettings } from './settings.ts'

/** Where the port of a server's proxy is granted. */
export interface Cover {
  /** Boxes over target and peer. */
  readonly boxes: readonly Box[]
  /** Something else may grant it: a value that is not filled in yet, a namespace of which only the name is known. */
  readonly unknown: boolean
  /** Something else grants it to addresses in which Pods may live. */
  readonly byAddress: boolean
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
  const selecting = new Map(policies.map((one) => [one.policy, one]))
  const claims: Claim[] = []
  let unknown = false
  let byAddress = false
  for (const { policy, rule, action } of decisionsOf([...selecting.keys()], direction)) {
    const certain = selecting.get(policy)?.certain === true
    // Not filled in, two equal texts are one value all the same.
    const comparable = certain || (target.box !== undefined && policy.namespace === target.pod.namespace)
    const subject = target.box === undefined ? new Map() : subjectBox(policy.subject)
    const claim = (admitted: Box) => claims.push({ box: new Map([...subject, ...admitted]), action, tier: policy.tier })
    if (rule === undefined) {
      if (comparable) claim(new Map())
      continue
    }
    const granted = grants(rule.ports, server)
    if (!granted && !rule.ports.unknown) continue
    for (const peer of rule.peers) {
      if (peer.as === 'unknown') unknown = true
      else if (peer.as === 'addresses') byAddress ||= mayHoldPods(peer, settings)
      else if (peer.as === 'pods') {
        const admitted = admittedPart(peer.box, peers)
        if (admitted === undefined) continue
        if (admitted === 'maybe' || !granted || !certain) unknown = true
        if (admitted !== 'maybe' && granted && comparable) claim(admitted)
      }
    }
  }
  const rulings = [...selecting.keys()].map(({ directions }) => directions[direction])
  const closed = rulings.every(({ isolates, rules }) => isolates || rules.length === 0)
  const boxes = grantedBoxes(new Map([...targetBox(target), ...(peers.box ?? [])]), claims, closed)
  return { boxes: boxes ?? [], unknown: unknown || boxes === undefined, byAddress }
}

/**
 * What the claims allow of these pairs. Where all that allow come first and the rest denies, in a single tier, none stands in
 * the way of another.
 *
 * @param closed every policy with a rule denies what no rule allows
 */
function grantedBoxes(pairs: Box, claims: readonly Claim[], closed: boolean): readonly Box[] | undefined {
  const allowing = claims.filter(({ action }) => action === 'allow')
  const allowsFirst = claims.slice(0, allowing.length).every(({ action }) => action === 'allow')
  return closed && allowsFirst && claims.every(({ tier, action }) => tier === claims[0]?.tier && action !== 'pass')
    ? allowing.map(({ box }) => box)
    : allowedParts(pairs, claims)
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
function admittedPart(box: Box, peers: PeerPods): Box | undefined | 'maybe' {
  if (peers.namespace === undefined) return box
  const match = namespaceMatches(box, peers.namespace, peers.namespaceLabels)
  if (match === 'no') return undefined
  if (peers.box === undefined && !contains(box, peers.pod.labels, podKey))
    return peers.pod.unknownLabels && mayContain(box, peers.pod.labels, podKey) ? 'maybe' : undefined
  if (match === 'maybe') return 'maybe'
  return peers.box === undefined ? new Map() : new Map([...box].filter(([key]) => key.startsWith(podKey)))
}
