import { isUnresolved } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import type { ClusterProtocol } from '../k8s/spec-shapes.ts'
import { actionOfName, adminPeers, adminRuling, adminSubject } from './admin-form.ts'
import { adminTier, baselineTier, type Note, type Policy, type Ports } from './policy.ts'
import { everyPort, namedPort, noPort, ofProtocol, portRange, unknownPorts } from './ports.ts'

const actions = { Accept: 'allow', Deny: 'deny', Pass: 'pass' } as const

/**
 * A ClusterNetworkPolicy (`policy.networking.k8s.io/v1alpha2`) in the common form. It isolates nobody. A NetworkPolicy that
 * isolates has the last word before the Baseline tier, as the API says; Cilium 1.20 asks that tier first.
 * Semantics: network-policy-api apis/v1alpha2/clusternetworkpolicy_types.go.
 */
export function fromClusterNetworkPolicy({ name, spec }: Resource<'ClusterNetworkPolicy'>): Policy {
  const notes: Note[] = []
  const { tier, priority } = spec
  const about = adminSubject(spec.subject, notes)
  const order = typeof priority === 'number' ? priority : 0
  return {
    namespace: '',
    name,
    subject: about.box,
    unknownSubject: about.unknown || isUnresolved(tier) || isUnresolved(priority),
    tier: tier === 'Baseline' ? baselineTier : adminTier,
    directions: {
      ingress: adminRuling(
        (spec.ingress ?? []).map((rule, i) => ({
          action: actionOfName(actions, rule?.action),
          peers: adminPeers(rule?.from, ['spec', 'ingress', i, 'from'], notes),
          ports: (rule?.protocols ?? []).map(portsOf),
        })),
        { path: ['spec', 'ingress'], member: 'protocols', order, notes },
      ),
      egress: adminRuling(
        (spec.egress ?? []).map((rule, i) => ({
          action: actionOfName(actions, rule?.action),
          peers: adminPeers(rule?.to, ['spec', 'egress', i, 'to'], notes),
          ports: (rule?.protocols ?? []).map(portsOf),
        })),
        { path: ['spec', 'egress'], member: 'protocols', order, notes },
      ),
    },
    notes,
  }
}

/** A protocol with a port, a range, or neither, which is every port; or a name, of any protocol. */
function portsOf(entry: ClusterProtocol | null): Ports {
  const { tcp, udp, sctp, destinationNamedPort: name } = entry ?? {}
  if (isUnresolved(name)) return unknownPorts
  if (name) return namedPort(name)
  const spoken = tcp ?? udp
  if (spoken == null) return sctp != null ? noPort : unknownPorts
  const protocol = tcp == null ? 'UDP' : 'TCP'
  const { number, range } = spoken.destinationPort ?? {}
  if ([number, range?.start, range?.end].some(isUnresolved)) return unknownPorts
  if (number != null) return ofProtocol(portRange(Number(number), Number(number)), protocol)
  return ofProtocol(range == null ? everyPort : portRange(Number(range.start), Number(range.end)), protocol)
}
