import type { Confidence } from '../core/finding.ts'
import type { View } from '../core/view.ts'
import { isUnresolved, type Path } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import { type Box, uncovered } from '../policy/box.ts'
import { type AllowRule, type Direction } from '../policy/policy.ts'
import { formatPorts, type PortSet, portsOf, portUnion } from '../policy/port-set.ts'
import { proxyPortNames } from './facts.ts'
import { meshReads } from './meshed.ts'
import type { PodFacts } from './pod-facts.ts'
import { describePeers, type PeerPods, peerPodsOf } from './policy-peers.ts'
import {
  describeTarget,
  policiesOn,
  type Selecting,
  type TargetPods,
  targetBox,
  targetsOf,
  translated,
  unplacedPolicies,
} from './policy-targets.ts'
import { type Cover, coverOf, grants } from './proxy-port-cover.ts'
import { type LinkerdSettings, redirectsEveryPort } from './settings.ts'
import { redirectedPorts, wireReads } from './wire-port.ts'

export const gapReads = [...meshReads, 'NetworkPolicy', ...wireReads] as const

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
  readonly doubt: Doubt | undefined
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
function confidenceOf(doubt: Doubt | undefined): Confidence {
  if (doubt === undefined) return 'high'
  return doubt === 'mesh' || doubt === 'addresses' ? 'medium' : 'low'
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
  const targets = [...targetsOf(policy, view)].map((target) => ({ target, policies: policiesOn(target, policy, view) }))
  for (const direction of ['ingress', 'egress'] as const)
    for (const rule of policy.directions[direction].rules) {
      if (rule.ports.unknown || rule.entries.length === 0) continue
      for (const { target, policies } of targets) yield* gapsOf(policies, direction, rule, target, view)
    }
}

function* gapsOf(
  policies: readonly Selecting[],
  direction: Direction,
  rule: AllowRule,
  target: TargetPods,
  view: GapView,
): Generator<WirePortGap> {
  for (const peer of rule.peers) {
    if (peer.as !== 'pods') continue
    for (const peers of peerPodsOf(peer.box, view)) {
      if (peers.pod.unknown || isAlone(target, peers.pod, peers)) continue
      const [client, server] = direction === 'ingress' ? [peers.pod, target.pod] : [target.pod, peers.pod]
      const meant = meantPorts(rule, client, server, view)
      if (meant === undefined || grants(rule.ports, server)) continue
      const cover = coverOf(policies, direction, target, peers, server, view.settings)
      const box: Box = new Map([...targetBox(target), ...(peers.box ?? [])])
      const left = uncovered(box, cover.boxes)
      if (left === undefined) continue
      const witness = left === 'unknown' ? box : left
      const elsewhere = coverOf(unplacedPolicies(view), direction, target, peers, server, view.settings)
      const unknown = cover.unknown || elsewhere.unknown
      const doubt = left === 'unknown' ? 'size' : doubtOf(target, peers, { ...cover, unknown }, view)
      const names = { peer: describePeers(peers, witness), target: describeTarget(target, witness) }
      yield {
        direction,
        rule,
        ...meant,
        proxyPort: server.inboundPort,
        target,
        client: direction === 'ingress' ? names.peer : names.target,
        server: direction === 'ingress' ? names.target : names.peer,
        doubt,
        confidence: confidenceOf(doubt),
      }
    }
  }
}

/** The gravest reason to doubt a gap. */
function doubtOf(target: TargetPods, peers: PeerPods, cover: Cover, view: GapView): Doubt | undefined {
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
function isAlone({ pod }: TargetPods, peer: PodFacts, { whole }: PeerPods): boolean {
  if (pod.name === undefined || pod.name !== peer.name || pod.namespace !== peer.namespace) return false
  return pod.replicas === 'one' || (pod.replicas === 'unsaid' && whole)
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
  if (server.name === undefined) return redirectsEveryPort(view.settings)
  return redirectedPorts(portsOf(server.named.get(name) ?? []), client, server, view).length > 0
}
