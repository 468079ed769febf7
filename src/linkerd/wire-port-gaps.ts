import type { Confidence } from '../core/finding.ts'
import type { View } from '../core/view.ts'
import { isUnresolved, type Path } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import { type Box, contains, movePrefix, uncovered } from '../policy/box.ts'
import { fromNetworkPolicy } from '../policy/network-policy.ts'
import { type AllowRule, type Direction, type Policy, type Ports, podKey } from '../policy/policy.ts'
import { formatPorts, hasPort, type PortSet, portsOf, portUnion } from '../policy/port-set.ts'
import { proxyPortNames } from './facts.ts'
import { isNamespaceMeshed, type Meshed, meshReads } from './meshed.ts'
import { imaginedPodIn, type PodFacts, podsByNamespace, podsIn } from './pod-facts.ts'
import { describePeers, namespaceMatches, type PeerPods, peerPodsOf } from './policy-peers.ts'
import type { LinkerdSettings } from './settings.ts'
import { redirectedPorts } from './wire-port.ts'

export const gapReads = [...meshReads, 'NetworkPolicy', 'Service'] as const

export type GapView = View<(typeof gapReads)[number], LinkerdSettings>

/** A pair that a rule lets talk on an application's port, but no policy on the port that the mesh really uses. */
export interface WirePortGap {
  readonly direction: Direction
  readonly rule: AllowRule
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
  readonly confidence: Confidence
}

/** Pods a policy selects: one that is known, or those that nobody has seen. */
export interface TargetPods {
  readonly pod: PodFacts
  /** For Pods nobody has seen: the policy's own subject. */
  readonly box: Box | undefined
}

/**
 * Where policies open an application's port and leave out the mesh's, per rule of this policy. A gap exists if, for a
 * meshed target, a meshed peer and a direction, the union of all policies that select the target grants the peer some port
 * that is redirected ({@link redirectedPorts}), but not the port it is redirected to.
 *
 * The other end's policies are judged in their own right: otherwise one missing port would hide the other.
 */
export function* wirePortGaps(resource: Resource<'NetworkPolicy'>, view: GapView): Generator<WirePortGap> {
  const policy = translated(resource)
  const targets = [...targetsOf(policy, view)].map((target) => ({ target, policies: policiesOn(target, view) }))
  for (const direction of ['ingress', 'egress'] as const)
    for (const rule of policy.directions[direction].rules) {
      if (rule.ports.unknown || rule.entries.length === 0) continue
      for (const { target, policies } of targets) yield* gapsOf(policies, direction, rule, target, view)
    }
}

/** Every policy that may select the target. */
function policiesOn({ pod, box }: TargetPods, view: GapView): readonly Policy[] {
  const policies = policiesIn(pod.namespace, view)
  return box ? policies : policies.filter((policy) => selectedBy(policy, view).includes(pod))
}

/**
 * The Pods a policy is about, without those that are surely not meshed. Where none is known, those that its selector would
 * select; where the selected ones are all unmeshed, nobody.
 */
export function* targetsOf(policy: Policy, view: GapView): Generator<TargetPods> {
  if (isUnresolved(policy.namespace)) return
  const selected = selectedBy(policy, view)
  for (const pod of selected) if (pod.meshed !== 'no' && !pod.hostNetwork && !pod.unknown) yield { pod, box: undefined }
  if (selected.length > 0) return
  const meshed = isNamespaceMeshed(policy.namespace, view)
  const pod = imaginedPodIn(policy.namespace, meshed, view)
  if (meshed !== 'no' && !pod.unknown) yield { pod, box: policy.subject }
}

/** The known Pods that a policy selects. */
function selectedBy(policy: Policy, view: GapView): readonly PodFacts[] {
  const known = view.derive(selections)
  let selected = known.get(policy)
  if (selected === undefined) {
    selected = podsIn(policy.namespace, view).filter((pod) => contains(policy.subject, pod.labels, podKey))
    known.set(policy, selected)
  }
  return selected
}

/** Filled as policies are met. It holds as long as the Pods do. */
function selections(view: GapView): WeakMap<Policy, readonly PodFacts[]> {
  view.derive(podsByNamespace)
  return new WeakMap()
}

function* gapsOf(
  policies: readonly Policy[],
  direction: Direction,
  rule: AllowRule,
  target: TargetPods,
  view: GapView,
): Generator<WirePortGap> {
  for (const peer of rule.peers) {
    if (peer.as !== 'pods') continue
    for (const peers of peerPodsOf(peer.box, view)) {
      if (peers.pod.unknown || isSame(peers.pod, target.pod)) continue
      const [client, server] = direction === 'ingress' ? [peers.pod, target.pod] : [target.pod, peers.pod]
      const meant = meantPorts(rule, client, server, view)
      if (meant === undefined || grants(rule.ports, server)) continue
      const cover = coverOf(policies, direction, target, peers, server)
      const box: Box = new Map([...targetBox(target), ...(peers.box ?? [])])
      const left = uncovered(box, cover.boxes)
      if (left === undefined || left === 'unknown') continue
      const names = { peer: describePeers(peers, left), target: describeTarget(target, left) }
      yield {
        direction,
        rule,
        ...meant,
        proxyPort: server.inboundPort,
        target,
        client: direction === 'ingress' ? names.peer : names.target,
        server: direction === 'ingress' ? names.target : names.peer,
        confidence:
          peers.doubtful || cover.doubtful ? 'low' : confidenceOf(target.pod.meshed, peers.pod.meshed, target, view),
      }
    }
  }
}

/** A Pod that talks to itself stays on its loopback. */
function isSame(left: PodFacts, right: PodFacts): boolean {
  return left.name !== undefined && left.name === right.name && left.name.startsWith('Pod ')
}

/** Both known to be meshed: high. One of them: medium. Neither, or a target that a whole cluster does not have: low. */
function confidenceOf(target: Meshed, peer: Meshed, { box }: TargetPods, view: GapView): Confidence {
  if (box !== undefined && view.scope === 'cluster') return 'low'
  if (target === 'yes' && peer === 'yes') return 'high'
  return target === 'yes' || peer === 'yes' ? 'medium' : 'low'
}

/** The application's ports that a rule grants and the mesh redirects, and the first entry that does. */
export function meantPorts(
  rule: AllowRule,
  client: PodFacts,
  server: PodFacts,
  view: GapView,
): { readonly ports: string; readonly numbers: PortSet; readonly path: Path } | undefined {
  const words: string[] = []
  const numbers: PortSet[] = []
  let path: Path | undefined
  for (const entry of rule.entries) {
    const redirected = redirectedPorts(entry.ports.numbers, client, server, view)
    const names = entry.ports.names.filter((name) => isApplicationName(name, client, server, view))
    if (redirected.length === 0 && names.length === 0) continue
    path ??= entry.path
    words.push(...(redirected.length > 0 ? [formatPorts(redirected)] : []), ...names)
    numbers.push(redirected)
  }
  return path && { ports: [...new Set(words)].join(', '), numbers: portUnion(...numbers), path }
}

/** A port name grants what the server declares under it. Of a server nobody has seen, an application's port. */
function isApplicationName(name: string, client: PodFacts, server: PodFacts, view: GapView): boolean {
  if (name === proxyPortNames.inbound || name === proxyPortNames.admin || isUnresolved(name)) return false
  if (server.name === undefined) return view.settings.transportMode !== 'transparent'
  return redirectedPorts(portsOf(server.named.get(name) ?? []), client, server, view).length > 0
}

/** Do these ports include the one where the server's proxy listens? Its name counts: another rule warns of it. */
export function grants({ numbers, names }: Ports, server: PodFacts): boolean {
  return (
    hasPort(numbers, server.inboundPort) ||
    names.includes(proxyPortNames.inbound) ||
    names.some((name) => server.named.get(name)?.includes(server.inboundPort))
  )
}

interface Cover {
  readonly boxes: readonly Box[]
  /** Something that may cover the rest is not known. */
  readonly doubtful: boolean
}

/** Boxes over target and peer that are granted the proxy's port, by every policy that selects the target. */
function coverOf(
  policies: readonly Policy[],
  direction: Direction,
  target: TargetPods,
  peers: PeerPods,
  server: PodFacts,
): Cover {
  const boxes: Box[] = []
  let doubtful = false
  for (const { subject, directions } of policies) {
    const selected = target.box === undefined ? [] : movePrefix(subject, podKey, targetKey)
    for (const rule of directions[direction].rules) {
      if (!grants(rule.ports, server)) {
        doubtful ||= rule.ports.unknown
        continue
      }
      for (const peer of rule.peers) {
        if (peer.as === 'unknown') doubtful = true
        if (peer.as !== 'pods') continue
        const admitted = admittedPart(peer.box, peers)
        if (admitted === 'maybe') doubtful = true
        else if (admitted) boxes.push(new Map([...selected, ...admitted]))
      }
    }
  }
  return { boxes, doubtful }
}

/** What of these peers a peer selector admits: a box over what is free in them, or nothing. */
function admittedPart(box: Box, peers: PeerPods): Box | undefined | 'maybe' {
  if (peers.namespace === undefined) return box
  const match = namespaceMatches(box, peers.namespace, peers.namespaceLabels)
  if (match === 'no') return undefined
  if (peers.box === undefined && !contains(box, peers.pod.labels, podKey)) return undefined
  if (match === 'maybe') return 'maybe'
  return peers.box === undefined ? new Map() : new Map([...box].filter(([key]) => key.startsWith(podKey)))
}

/** Every policy of a namespace in the common form. */
export function policiesIn(namespace: string, view: GapView): readonly Policy[] {
  return view.inNamespace('NetworkPolicy', namespace).map(translated)
}

const translations = new WeakMap<Resource<'NetworkPolicy'>, Policy>()

/** {@link fromNetworkPolicy}, once per object: objects do not change. */
export function translated(resource: Resource<'NetworkPolicy'>): Policy {
  const known = translations.get(resource)
  if (known) return known
  const policy = fromNetworkPolicy(resource)
  translations.set(resource, policy)
  return policy
}

const targetKey = 'target/'

function targetBox({ box }: TargetPods): Box {
  return box === undefined ? new Map() : movePrefix(box, podKey, targetKey)
}

/** The targets in words. */
export function describeTarget({ pod, box }: TargetPods, remainder: Box): string {
  if (box === undefined) return pod.name ?? ''
  const moved = new Map(
    [...movePrefix(remainder, podKey, 'peer/')].map(([key, values]) => [key.replace(/^target\//, podKey), values]),
  )
  return describePeers({ pod, box, namespaceLabels: undefined, namespace: pod.namespace, doubtful: false }, moved)
}
