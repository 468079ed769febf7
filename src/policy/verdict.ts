import type { Labels } from '../k8s/selector.ts'
import { contains } from './box.ts'
import { type AddressRange, parseCidr, subtractRanges } from './cidr.ts'
import { type Decision, decisionsOf } from './decisions.ts'
import {
  type Action,
  adminTier,
  baselineTier,
  type Direction,
  namespaceKey,
  type Peer,
  type Policy,
  podKey,
  type Rule,
} from './policy.ts'
import { includesPort } from './ports.ts'

/** One Pod as policies see it. */
export interface Endpoint {
  readonly namespace: string
  readonly labels: Labels
  /** Labels of its Namespace, with the one that names it. */
  readonly namespaceLabels: Labels
  /** TCP ports of its containers, by name. */
  readonly named: ReadonlyMap<string, readonly number[]>
}

/** Who is neither a Pod nor an address outside: `host`, `kube-apiserver`. */
export interface Outsider {
  readonly outsider: string
}

/** What the policies say of one connection, at one of its ends. */
export interface Verdict {
  readonly allowed: boolean
  /** Some policy selects the subject in this direction, so that what no rule allows is denied. */
  readonly isolated: boolean
  /** Nothing that is not known could have decided otherwise. */
  readonly certain: boolean
}

/**
 * May the subject take (`ingress`) or make (`egress`) a TCP connection? Only the subject's own policies are asked: the other
 * end has its own. The first decision that speaks of the connection counts ({@link decisionsOf}); where none does, it is
 * allowed. What a Pod's own node sends to it is allowed unless a rule denies it.
 * (https://kubernetes.io/docs/concepts/services-networking/network-policies/).
 *
 * @param policies of any namespace
 * @param peer a Pod, an address outside the cluster, or another outsider
 * @param port the one on the wire
 */
export function verdictOn(
  policies: readonly Policy[],
  direction: Direction,
  subject: Endpoint,
  peer: Endpoint | AddressRange | Outsider,
  port: number,
): Verdict {
  const own = policies.filter((policy) => selectsPod(policy, subject))
  const isolating = own.filter((policy) => policy.directions[direction].isolates)
  const isolated = isolating.length > 0
  const isKnown = !isolated || isolating.some(({ unknownSubject }) => !unknownSubject)
  const server = direction === 'ingress' ? subject : peer
  const named = 'named' in server ? server.named : undefined
  const isNode = direction === 'ingress' && 'outsider' in peer && peer.outsider === 'host'
  const possible = new Set<Action>()
  let passed: number | undefined
  const decisions = decisionsOf(own, direction)
  for (const [i, { policy, rule, action }] of decisions.entries()) {
    if (policy.tier === passed || (isNode && !rule)) continue
    const speaks = policy.unknownSubject ? 'maybe' : rule ? speaksOf(rule, peer, port, named) : 'yes'
    if (speaks === 'no') continue
    if (speaks === 'maybe') possible.add(action)
    else {
      for (const tied of tiesOf(decisions, i))
        if (tied.action !== action && speaksOf(tied, peer, port, named) !== 'no') possible.add(tied.action)
      if (action === 'pass') {
        passed = policy.tier
        continue
      }
      possible.add(action)
      return { allowed: action === 'allow', isolated, certain: isKnown && possible.size === 1 }
    }
  }
  return { allowed: true, isolated, certain: isKnown && possible.isSubsetOf(new Set(['allow'])) }
}

/** Is the policy about the Pod? */
export function selectsPod(policy: Policy, { namespace, labels, namespaceLabels }: Endpoint): boolean {
  return (
    (policy.namespace === '' || policy.namespace === namespace) &&
    contains(policy.subject, labels, podKey) &&
    contains(policy.subject, namespaceLabels, namespaceKey)
  )
}

/** Rules of other policies that may as well be asked first: the admin tiers say nothing of equal priorities. */
function tiesOf(decisions: readonly Decision[], index: number): Rule[] {
  const { policy, rule } = decisions[index] ?? {}
  if (!rule || (policy?.tier !== adminTier && policy?.tier !== baselineTier)) return []
  return decisions
    .slice(index + 1)
    .filter((other) => other.policy !== policy && other.policy.tier === policy.tier)
    .map((other) => other.rule)
    .filter((other) => other?.order === rule.order)
    .filter((other) => other !== undefined)
}

function speaksOf(
  { ports, peers }: Rule,
  peer: Endpoint | AddressRange | Outsider,
  port: number,
  named: Endpoint['named'] | undefined,
): 'yes' | 'no' | 'maybe' {
  const onPort = includesPort(ports, port, named)
  if (!onPort && !ports.unknown) return 'no'
  if (peers.some((one) => admits(one, peer))) return onPort ? 'yes' : 'maybe'
  return peers.some((one) => one.as === 'unknown') ? 'maybe' : 'no'
}

/** Address ranges are taken to match what is outside the cluster only: network plugins differ about Pods. */
function admits(rule: Peer, peer: Endpoint | AddressRange | Outsider): boolean {
  if ('named' in peer)
    return (
      rule.as === 'pods' &&
      contains(rule.box, peer.labels, podKey) &&
      contains(rule.box, peer.namespaceLabels, namespaceKey)
    )
  switch (rule.as) {
    case 'unknown':
      return false
    case 'pods':
      return rule.outside
    case 'outsiders':
      return rule.names.includes('outsider' in peer ? peer.outsider : 'world')
    case 'addresses': {
      if ('outsider' in peer) return false
      const range = parseCidr(rule.cidr)
      const except = rule.except.map(parseCidr).filter((found) => found !== undefined)
      return (
        range !== undefined &&
        subtractRanges(range, except).some(({ family, from, to }) => {
          return family === peer.family && from <= peer.from && peer.to <= to
        })
      )
    }
  }
}
