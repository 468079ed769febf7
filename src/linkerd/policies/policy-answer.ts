import { contains } from '../../policy/box.ts'
import { type Direction, namespaceKey, namespaceNameLabel, type Peer, type Ports, podKey } from '../../policy/policy.ts'
import { hasPort, noPorts } from '../../policy/port-set.ts'
import { includesPort } from '../../policy/ports.ts'
import { proxyPortNames } from '../facts.ts'
import { mayHoldPods } from '../pods/pod-addresses.ts'
import type { PodFacts } from '../pods/pod-facts.ts'
import { decisionsAbout } from './decision-index.ts'
import type { PolicyView, Selecting } from './policy-forms.ts'
import { namespaceLabelsOf, namespaceMatches } from './policy-peers.ts'

export type Answer = 'yes' | 'no' | 'maybe'

/** A connection, as far as rules ask for it: do these ports, and this peer, stand for it? */
export interface Question {
  readonly direction: Direction
  readonly ports: (ports: Ports) => Answer
  readonly peer: (peer: Peer) => Answer
}

/** Does a rule speak of the connection? */
export function speaks(rule: { readonly ports: Ports; readonly peers: readonly Peer[] }, question: Question): Answer {
  const onPort = question.ports(rule.ports)
  if (onPort === 'no') return 'no'
  const answers = new Set(rule.peers.map(question.peer))
  if (answers.has('yes')) return onPort
  return answers.has('maybe') ? 'maybe' : 'no'
}

/**
 * Is the connection allowed by all policies on a Pod? The first decision that speaks of it counts, as in
 * {@link file://../policy/verdict.ts}; one that may speak of it leaves `maybe`, unless the answer is the same without it.
 */
export function isAllowed(policies: readonly Selecting[], question: Question): Answer {
  const possible = new Set<Answer>()
  let passed: number | undefined
  for (const { policy, rule, action, certain } of decisionsAbout(policies, question.direction).decisions) {
    if (policy.tier === passed) continue
    const spoken = rule === undefined ? 'yes' : speaks(rule, question)
    if (spoken === 'no') continue
    const isSure = spoken === 'yes' && certain
    if (action === 'pass') {
      if (isSure) passed = policy.tier
      else possible.add('maybe')
      continue
    }
    possible.add(action === 'allow' ? 'yes' : 'no')
    if (isSure) return settled(possible)
  }
  possible.add('yes')
  return settled(possible)
}

function settled(possible: ReadonlySet<Answer>): Answer {
  const [only = 'maybe', ...others] = possible
  return others.length === 0 ? only : 'maybe'
}

/**
 * One TCP port.
 *
 * @param server whose port it is, where that Pod is known: it decides what port names stand for
 */
export function onTcp(port: number, server?: PodFacts): Question['ports'] {
  return (ports) => {
    if (includesPort(ports, port, server?.named)) return 'yes'
    const isOpen = server?.name === undefined ? ports.names.length > 0 : isProxyPort(port, server, ports.names)
    return ports.unknown || isOpen ? 'maybe' : 'no'
  }
}

/** Some network plugins resolve the names of the proxy's ports where it is an init container. */
function isProxyPort(port: number, server: PodFacts, names: readonly string[]): boolean {
  return names.includes(port === server.inboundPort ? proxyPortNames.inbound : proxyPortNames.admin)
}

/** One UDP port. */
export function onUdp(port: number): Question['ports'] {
  return (ports) => (hasPort(ports.udp ?? noPorts, port) ? 'yes' : ports.unknown ? 'maybe' : 'no')
}

/** A Pod of this cluster. Of one that nobody has seen, labels that it is not known to have it may have. */
export function isPod(pod: PodFacts, view: PolicyView): Question['peer'] {
  const namespaceLabels = namespaceLabelsOf(pod.namespace, view)
  return (peer) => {
    if (peer.as === 'unknown') return 'maybe'
    if (peer.as === 'addresses') return mayHoldPods(peer, view.settings) ? 'maybe' : 'no'
    if (peer.as === 'outsiders') return 'no'
    const match = namespaceMatches(peer.box, pod.namespace, namespaceLabels)
    if (match === 'no' || contains(peer.box, pod.labels, podKey)) return match
    if (pod.name !== undefined && !pod.unknownLabels) return 'no'
    const known = new Map([...peer.box].filter(([key]) => Object.hasOwn(pod.labels, key.slice(podKey.length))))
    return contains(known, pod.labels, podKey) ? 'maybe' : 'no'
  }
}

/** Where a cluster's DNS is, unless its Pods are on the host's network or it is elsewhere altogether. */
const dnsNamespaces = /^kube-system$|dns/

/** The cluster's DNS. Nobody knows all its names, so only what surely is not it is none: other namespaces than its own. */
export function isDns(peer: Peer): Answer {
  if (peer.as === 'outsiders')
    return peer.names.every((name) => name === 'fqdn' || name === 'kube-apiserver') ? 'no' : 'maybe'
  if (peer.as !== 'pods') return 'maybe'
  if (peer.box.size === 0) return 'yes'
  const names = peer.box.get(namespaceKey + namespaceNameLabel)
  if (!names || names.except) return 'maybe'
  return names.listed.values().some((name) => dnsNamespaces.test(name) || name.includes('${')) ? 'maybe' : 'no'
}

/**
 * The API server, which is no Pod but on a node or somewhere else.
 *
 * @param tunnelled some clusters let it connect from Pods of kube-system (konnectivity), and this may be one of them
 */
export function isApiServer(tunnelled: boolean): Question['peer'] {
  return (peer) => {
    switch (peer.as) {
      case 'pods':
        return peer.outside ? 'yes' : tunnelled && isDns(peer) !== 'no' ? 'maybe' : 'no'
      case 'outsiders':
        return peer.names.every((name) => name === 'fqdn') ? 'no' : 'yes'
      case 'addresses':
      case 'unknown':
        return 'maybe'
    }
  }
}

/** A client outside the cluster, or the node that a load balancer sends it through. */
export function isClientOutside(peer: Peer): Answer {
  if (peer.as === 'pods') return peer.outside ? 'yes' : 'no'
  if (peer.as !== 'outsiders') return 'maybe'
  return peer.names.every((name) => name === 'fqdn' || name === 'kube-apiserver') ? 'no' : 'yes'
}
