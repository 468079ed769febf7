import type { Labels } from '../k8s/selector.ts'
import { contains } from './box.ts'
import { type AddressRange, parseCidr, subtractRanges } from './cidr.ts'
import { type Direction, namespaceKey, type Peer, type Policy, podKey } from './policy.ts'
import { hasPort } from './port-set.ts'

/** One Pod as policies see it. */
export interface Endpoint {
  readonly namespace: string
  readonly labels: Labels
  /** Labels of its Namespace, with the one that names it. */
  readonly namespaceLabels: Labels
  /** TCP ports of its containers, by name. */
  readonly named: ReadonlyMap<string, readonly number[]>
}

/** What the policies say of one connection, at one of its ends. */
export interface Verdict {
  readonly allowed: boolean
  /** Some policy selects the subject in this direction, so that what no rule allows is denied. */
  readonly isolated: boolean
}

/**
 * May the subject take (`ingress`) or make (`egress`) a TCP connection? Only the subject's own policies are asked: the other
 * end has its own. Nobody selects a Pod: everything is allowed. Otherwise what some rule of some policy allows
 * (https://kubernetes.io/docs/concepts/services-networking/network-policies/).
 *
 * @param policies of any namespace
 * @param peer a Pod, or an address outside the cluster
 * @param port the one on the wire
 */
export function verdictOn(
  policies: readonly Policy[],
  direction: Direction,
  subject: Endpoint,
  peer: Endpoint | AddressRange,
  port: number,
): Verdict {
  const own = policies.filter(
    (policy) =>
      policy.directions[direction].isolates &&
      policy.namespace === subject.namespace &&
      contains(policy.subject, subject.labels, podKey),
  )
  const server = direction === 'ingress' ? subject : peer
  const resolved = (name: string) => ('named' in server ? server.named.get(name)?.includes(port) : undefined) ?? false
  const allowed = own
    .flatMap((policy) => policy.directions[direction].rules)
    .some(
      ({ ports, peers }) =>
        (hasPort(ports.numbers, port) || ports.names.some(resolved)) && peers.some((one) => admits(one, peer)),
    )
  return { allowed: allowed || own.length === 0, isolated: own.length > 0 }
}

/** Address ranges are taken to match what is outside the cluster only: network plugins differ about Pods. */
function admits(rule: Peer, peer: Endpoint | AddressRange): boolean {
  if (rule.as === 'unknown') return false
  if ('named' in peer)
    return (
      rule.as === 'pods' &&
      contains(rule.box, peer.labels, podKey) &&
      contains(rule.box, peer.namespaceLabels, namespaceKey)
    )
  if (rule.as === 'pods') return rule.outside
  const range = parseCidr(rule.cidr)
  const except = rule.except.map(parseCidr).filter((found) => found !== undefined)
  return (
    range !== undefined &&
    subtractRanges(range, except).some(({ family, from, to }) => {
      return family === peer.family && from <= peer.from && peer.to <= to
    })
  )
}
