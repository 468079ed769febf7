import { isUnresolved, type Path } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import { isUnresolvedSelector } from '../k8s/selector.ts'
import type { NetworkPolicyPeer, NetworkPolicyPort, Spec } from '../k8s/spec-shapes.ts'
import { boxOf, intersect, pin } from './box.ts'
import {
  type AllowRule,
  namespaceKey,
  namespaceNameLabel,
  nobody,
  ordinaryOrder,
  ordinaryTier,
  type Peer,
  type Policy,
  type PortEntry,
  type Ports,
  podKey,
} from './policy.ts'
import { everyPort, namedPort, noPort, ofProtocol, portRange, uniteEntries, unknownPorts } from './ports.ts'

/**
 * A `networking.k8s.io` NetworkPolicy in the common form. Semantics: k8s.io/api networking/v1 types.go, defaults of
 * pkg/apis/networking/v1. As admitted and as written (without defaults) give the same.
 */
export function fromNetworkPolicy({ namespace, name, spec }: Resource<'NetworkPolicy'>): Policy {
  const { ingress, egress } = isolatedDirections(spec)
  return {
    namespace,
    name,
    subject: boxOf(spec.podSelector, podKey) ?? nobody,
    unknownSubject: isUnresolved(namespace) || isUnresolvedSelector(spec.podSelector),
    tier: ordinaryTier,
    notes: [],
    directions: {
      ingress: {
        isolates: ingress,
        restrictions: [],
        rules: ingress ? rulesOf(spec.ingress, (rule) => rule?.from, ['spec', 'ingress'], 'from', namespace) : [],
      },
      egress: {
        isolates: egress,
        restrictions: [],
        rules: egress ? rulesOf(spec.egress, (rule) => rule?.to, ['spec', 'egress'], 'to', namespace) : [],
      },
    },
  }
}

/**
 * `policyTypes` absent or empty: ingress always, egress if there is at least one egress rule. Otherwise exactly what it
 * names; rules of another direction are ignored.
 */
function isolatedDirections(spec: Spec<'NetworkPolicy'>): { ingress: boolean; egress: boolean } {
  const types = spec.policyTypes ?? []
  if (types.length === 0) return { ingress: true, egress: (spec.egress ?? []).length > 0 }
  return { ingress: types.includes('Ingress'), egress: types.includes('Egress') }
}

type WireRule = { readonly ports?: readonly (NetworkPolicyPort | null)[] | null | undefined } | null

function rulesOf<R extends WireRule>(
  rules: readonly R[] | null | undefined,
  peersOf: (rule: R) => readonly (NetworkPolicyPeer | null)[] | null | undefined,
  path: Path,
  member: 'from' | 'to',
  namespace: string,
): AllowRule[] {
  return (rules ?? []).map((rule, index) => {
    const at = [...path, index]
    const peers = peersOf(rule) ?? []
    const entries = (rule?.ports ?? []).map(
      (port, i): PortEntry => ({ ports: portsOf(port), path: [...at, 'ports', i], filters: [] }),
    )
    return {
      action: 'allow',
      index,
      order: ordinaryOrder,
      path: at,
      entries,
      ports: entries.length === 0 ? everyPort : uniteEntries(entries),
      peers:
        peers.length === 0
          ? [{ as: 'pods', box: new Map(), outside: true, path: at }]
          : peers.map((peer, i) => peerOf(peer, [...at, member, i], namespace)),
    }
  })
}

/**
 * Protocol defaults to TCP; no port is every port of the protocol; `endPort` makes a range; a text is a port's name. What
 * the API server refuses grants nobody: ports out of range, a name without a letter (`"8080"`).
 */
function portsOf(entry: NetworkPolicyPort | null): Ports {
  const { protocol, port, endPort } = entry ?? {}
  if (isUnresolved(protocol)) return unknownPorts
  const spoken = protocol ?? 'TCP'
  if (spoken !== 'TCP' && spoken !== 'UDP') return noPort
  if (port === undefined || port === null) return ofProtocol(everyPort, spoken)
  if (isUnresolved(port) || isUnresolved(endPort)) return ofProtocol(unknownPorts, spoken)
  if (typeof port === 'string') return /[a-z]/.test(port) ? ofProtocol(namedPort(port), spoken) : noPort
  return ofProtocol(portRange(port, endPort ?? port), spoken)
}

/**
 * A peer without a namespaceSelector means the policy's own namespace; with both selectors both must hold. An empty peer
 * is refused by the API server; Cilium and cyclonus, given one in a file, take it for every Pod of the own namespace.
 */
function peerOf(peer: NetworkPolicyPeer | null, path: Path, namespace: string): Peer {
  const { podSelector, namespaceSelector, ipBlock } = peer ?? {}
  if (ipBlock != null) {
    const except = (ipBlock.except ?? []).map((cidr) => cidr ?? '')
    const cidr = ipBlock.cidr ?? ''
    if ([cidr, ...except].some(isUnresolved)) return { as: 'unknown', path }
    return { as: 'addresses', cidr, except, pods: 'maybe', path }
  }
  if (
    isUnresolvedSelector(podSelector) ||
    isUnresolvedSelector(namespaceSelector) ||
    (namespaceSelector == null && isUnresolved(namespace))
  )
    return { as: 'unknown', path }
  const pods = boxOf(podSelector, podKey)
  const namespaces =
    namespaceSelector == null
      ? pin(new Map(), namespaceKey + namespaceNameLabel, namespace)
      : boxOf(namespaceSelector, namespaceKey)
  return { as: 'pods', box: pods && namespaces ? intersect(pods, namespaces) : nobody, outside: false, path }
}
