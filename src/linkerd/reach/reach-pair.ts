import type { Path } from '../../k8s/json.ts'
import { own as memberOf } from '../../k8s/json.ts'
import type { Resource } from '../../k8s/resource.ts'
import { contains } from '../../policy/box.ts'
import { decisionsOf } from '../../policy/decisions.ts'
import { type Direction, namespaceKey, type Policy, podKey, type Rule } from '../../policy/policy.ts'
import {
  allPorts,
  hasPort,
  noPorts,
  type PortSet,
  portDifference,
  portIntersection,
  portSet,
  portsOf,
  portUnion,
} from '../../policy/port-set.ts'
import { includesPort } from '../../policy/ports.ts'
import type { PolicyKind } from '../../policy/translate.ts'
import { verdictOn } from '../../policy/verdict.ts'
import { mayHoldPods } from '../pods/pod-addresses.ts'
import { redirectedPorts } from '../policies/wire-port.ts'
import { type End, type Ends, type ReachView, speaksOf } from './reach-ends.ts'

/**
 * What becomes of connections from one end to another:
 *
 *   | the mesh carries it | application ports allowed | mesh's port allowed | verdict     |
 *   | no                  | some                      |                     | open        |
 *   | no                  | none                      |                     | closed      |
 *   | yes                 | some                      | yes                 | open        |
 *   | yes                 | none                      | yes                 | mesh-only   |
 *   | yes                 | some it carries           | no                  | broken      |
 *   | yes                 | some, but it carries none | no                  | open        |
 *   | yes                 | none                      | no                  | closed      |
 *
 * `unserved` is broken, but only on ports that are open to the whole world and that the server does not have.
 */
export type ReachVerdict = 'broken' | 'mesh-only' | 'open' | 'unserved' | 'closed'

/** The place in a policy that decides. */
export interface Cause {
  /** Id of the rule of meshgate that is about it; undefined for a policy that denies what no rule of it allows. */
  readonly rule: 'network-policy-omits-proxy-port' | 'network-policy-denies-proxy-port' | undefined
  readonly direction: Direction
  readonly policy: Resource<PolicyKind>
  readonly path: Path
}

/** From one end to another, on the wire. */
export interface Pair {
  readonly verdict: ReachVerdict
  /** Application ports that both ends' policies allow. For `broken`, those of them that are meant and do not work. */
  readonly ports: PortSet
  /** The mesh's own port, where the mesh carries connections between them. */
  readonly wirePort: number | undefined
  readonly wireOpen: boolean
  /** Nothing that is not known could make it otherwise. */
  readonly certain: boolean
  readonly causes: readonly Cause[]
}

/** What the policies at both ends make of connections from one to the other, and what the mesh makes of that. */
export function pairOf(from: End, to: End, world: Ends, view: ReachView): Pair {
  const out = portsAllowed('egress', from, to, to, world)
  const into = portsAllowed('ingress', to, from, to, world)
  const allowed = portIntersection(out.ports, into.ports)
  const [client, server] = [from.workloads[0]?.pod, to.workloads[0]?.pod]
  if (!client || !server) throw new Error('an end without workloads')
  const known = !client.unknown && !server.unknown && !client.unknownLabels && !server.unknownLabels
  const certain = known && out.certain && into.certain
  const causesOf = (port: number) => [
    ...(hasPort(out.ports, port) ? [] : decidersOf('egress', from, to, to, port, noPorts, world)),
    ...(hasPort(into.ports, port) ? [] : decidersOf('ingress', to, from, to, port, noPorts, world)),
  ]
  const meshed = client.meshed !== 'no' && server.meshed !== 'no' && !from.controlPlane && !to.controlPlane
  const carried = meshed ? redirectedPorts(allPorts, client, server, view) : noPorts
  if (carried.length === 0) {
    const verdict = allowed.length > 0 ? 'open' : 'closed'
    const causes = verdict === 'open' ? [] : causesOf(1)
    return { verdict, ports: allowed, wirePort: undefined, wireOpen: false, certain, causes }
  }
  const wirePort = server.inboundPort
  const wireOpen = hasPort(allowed, wirePort)
  const ports = portDifference(allowed, portsOf([wirePort]))
  const shared = { wirePort, wireOpen, certain: certain && client.meshed === 'yes' && server.meshed === 'yes' }
  if (wireOpen) return { ...shared, verdict: ports.length > 0 ? 'open' : 'mesh-only', ports, causes: [] }
  const redirected = portIntersection(ports, carried)
  if (redirected.length === 0)
    return { ...shared, verdict: ports.length > 0 ? 'open' : 'closed', ports, causes: causesOf(wirePort) }

  const served = servedPorts(to, view)
  const used = portIntersection(redirected, served)
  const meant = used.length > 0 ? used : redirected
  const closed = [
    ...(hasPort(out.ports, wirePort) ? [] : [['egress', from, to] as const]),
    ...(hasPort(into.ports, wirePort) ? [] : [['ingress', to, from] as const]),
  ]
  const causes = closed.flatMap(([direction, own, peer]) =>
    decidersOf(direction, own, peer, to, wirePort, meant, world),
  )
  const byAddress = closed.some(([direction, own]) => mayMatchAddresses(own, direction, wirePort, view))
  const isWide = served.length > 0 && used.length === 0 && closed.every((one) => isOpenToWorld(one, to, meant))
  return {
    ...shared,
    verdict: isWide ? 'unserved' : 'broken',
    ports: meant,
    certain: shared.certain && !byAddress,
    causes,
  }
}

/** Every port that the subject's policies allow with the peer: verdicts change only where a port of some rule begins or ends. */
function portsAllowed(direction: Direction, own: End, peer: End, server: End, { members }: Ends) {
  const side = own.sides[direction]
  if (!speaksOf(side, peer, members)) return { ports: side.isolated ? noPorts : allPorts, certain: true }
  const starts = new Set([1])
  for (const policy of side.policies)
    for (const { ports } of rulesIn(policy, direction)) {
      for (const [first, last] of ports.numbers) starts.add(first).add(last + 1)
      for (const name of ports.names)
        for (const port of server.endpoint.named.get(name) ?? []) starts.add(port).add(port + 1)
    }
  const sorted = [...starts].filter((port) => port >= 1 && port <= 65535).sort((a, b) => a - b)
  const open: [number, number][] = []
  let certain = peer.namespaceKnown || !side.asksNamespaces
  for (const [i, first] of sorted.entries()) {
    const verdict = verdictOn(side.policies, direction, own.endpoint, peer.endpoint, first)
    if (verdict.allowed) open.push([first, (sorted[i + 1] ?? 65536) - 1])
    if (!verdict.certain) certain = false
  }
  return { ports: portSet(open), certain }
}

function rulesIn(policy: Policy, direction: Direction): readonly Rule[] {
  const { rules, restrictions } = policy.directions[direction]
  return [...rules, ...restrictions]
}

/**
 * Who denies the port: a rule that does, or those rules that allow what was meant and leave this port out, with the policies
 * that deny what no rule allows.
 */
function decidersOf(
  direction: Direction,
  own: End,
  peer: End,
  server: End,
  port: number,
  meant: PortSet,
  { resources }: Ends,
): Cause[] {
  const { policies } = own.sides[direction]
  const causes: Cause[] = []
  const add = (rule: Cause['rule'], policy: Policy, path: Path) => {
    const resource = resources.get(policy)
    if (resource) causes.push({ rule, direction, policy: resource, path })
  }
  const named = server.endpoint.named
  let passed: number | undefined
  for (const { policy, rule, action } of decisionsOf(policies, direction)) {
    if (policy.tier === passed) continue
    if (rule && !(admits(rule, peer) && includesPort(rule.ports, port, named))) continue
    if (action === 'pass') {
      passed = policy.tier
      continue
    }
    if (rule) add(meant.length > 0 ? 'network-policy-denies-proxy-port' : undefined, policy, rule.path)
    else {
      for (const other of policies)
        for (const allowing of other.directions[direction].rules) {
          const entry = allowing.entries.find(({ ports }) => meant.some((range) => touches(ports, range, named)))
          if (entry && admits(allowing, peer)) add('network-policy-omits-proxy-port', other, entry.path)
        }
      if (causes.length === 0)
        for (const other of policies)
          if (other.tier === policy.tier && other.directions[direction].isolates) add(undefined, other, ['spec'])
    }
    break
  }
  return causes
}

function admits({ peers }: Rule, { endpoint }: End): boolean {
  return peers.some(
    (peer) =>
      peer.as === 'pods' &&
      contains(peer.box, endpoint.labels, podKey) &&
      contains(peer.box, endpoint.namespaceLabels, namespaceKey),
  )
}

function touches(
  { numbers, names }: Rule['ports'],
  [first, last]: readonly [number, number],
  named: End['endpoint']['named'],
): boolean {
  return (
    numbers.some(([from, to]) => from <= last && first <= to) ||
    names.some((name) => named.get(name)?.some((port) => first <= port && port <= last))
  )
}

/** Some network plugins match Pods by their addresses. */
function mayMatchAddresses(own: End, direction: Direction, port: number, { settings }: ReachView): boolean {
  return own.sides[direction].policies.some((policy) =>
    policy.directions[direction].rules.some(
      ({ ports, peers }) =>
        includesPort(ports, port, undefined) &&
        peers.some((peer) => peer.as === 'addresses' && peer.pods === 'maybe' && mayHoldPods(peer, settings)),
    ),
  )
}

/** Is every rule that allows these ports written for everybody, inside and outside? */
function isOpenToWorld([direction, own, peer]: readonly [Direction, End, End], server: End, meant: PortSet): boolean {
  const allowing = own.sides[direction].policies
    .flatMap((policy) => policy.directions[direction].rules)
    .filter((rule) => admits(rule, peer) && meant.some((range) => touches(rule.ports, range, server.endpoint.named)))
  return allowing.every(({ peers }) => peers.every((one) => one.as === 'pods' && one.outside))
}

/** Ports that the server's containers declare, and to which Services lead that select it. */
function servedPorts({ endpoint, workloads }: End, view: ReachView): PortSet {
  const targets = view.inNamespace('Service', endpoint.namespace).flatMap(({ spec }) => {
    const selector = Object.entries(spec.selector ?? {})
    if (selector.length === 0 || !selector.every(([key, value]) => memberOf(endpoint.labels, key) === value)) return []
    return (spec.ports ?? []).flatMap((port) => {
      const target = port?.targetPort || port?.port
      return typeof target === 'string'
        ? (endpoint.named.get(target) ?? [])
        : typeof target === 'number'
          ? [target]
          : []
    })
  })
  return portUnion(workloads[0]?.pod.declared ?? noPorts, portsOf(targets))
}
