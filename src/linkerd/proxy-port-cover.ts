import { type Box, contains, mayContain } from '../policy/box.ts'
import { type Direction, type Ports, podKey } from '../policy/policy.ts'
import { hasPort } from '../policy/port-set.ts'
import { proxyPortNames } from './facts.ts'
import { mayHoldPods } from './pod-addresses.ts'
import type { PodFacts } from './pod-facts.ts'
import { namespaceMatches, type PeerPods } from './policy-peers.ts'
import { type Selecting, subjectBox, type TargetPods } from './policy-targets.ts'
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
  const boxes: Box[] = []
  let unknown = false
  let byAddress = false
  for (const { policy, certain } of policies) {
    // Not filled in, two equal texts are one value all the same.
    const comparable = certain || (target.box !== undefined && policy.namespace === target.pod.namespace)
    const subject = target.box === undefined ? new Map() : subjectBox(policy.subject)
    for (const rule of policy.directions[direction].rules) {
      const granted = grants(rule.ports, server)
      if (!granted && !rule.ports.unknown) continue
      for (const peer of rule.peers) {
        if (peer.as === 'unknown') unknown = true
        else if (peer.as === 'addresses') byAddress ||= mayHoldPods(peer, settings)
        else {
          const admitted = admittedPart(peer.box, peers)
          if (admitted === undefined) continue
          if (admitted === 'maybe' || !granted || !certain) unknown = true
          if (admitted !== 'maybe' && granted && comparable) boxes.push(new Map([...subject, ...admitted]))
        }
      }
    }
  }
  return { boxes, unknown, byAddress }
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
