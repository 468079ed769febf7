import { isUnresolved } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import type { AdminPort, Spec } from '../k8s/spec-shapes.ts'
import { actionOfName, adminPeers, adminRuling, adminSubject } from './admin-form.ts'
import { adminTier, baselineTier, type Note, type Policy, type Ports } from './policy.ts'
import { namedPort, noPort, ofProtocol, portRange, unknownPorts } from './ports.ts'

type AdminKind = 'AdminNetworkPolicy' | 'BaselineAdminNetworkPolicy'

const actions = { Allow: 'allow', Deny: 'deny', Pass: 'pass' } as const

/**
 * An AdminNetworkPolicy or BaselineAdminNetworkPolicy (`policy.networking.k8s.io/v1alpha1`) in the common form. They isolate
 * nobody: what no rule decides goes on to the next tier. Semantics: network-policy-api apis/v1alpha1.
 */
export function fromAdminNetworkPolicy(resource: Resource<AdminKind>): Policy {
  const { kind, name } = resource
  const spec: Spec<'AdminNetworkPolicy'> = resource.spec
  const notes: Note[] = []
  const order = kind === 'AdminNetworkPolicy' && typeof spec.priority === 'number' ? spec.priority : 0
  const about = adminSubject(spec.subject, notes)
  return {
    namespace: '',
    name,
    subject: about.box,
    unknownSubject: about.unknown || isUnresolved(spec.priority),
    tier: kind === 'AdminNetworkPolicy' ? adminTier : baselineTier,
    directions: {
      ingress: adminRuling(
        (spec.ingress ?? []).map((rule, i) => ({
          action: actionOfName(actions, rule?.action),
          peers: adminPeers(rule?.from, ['spec', 'ingress', i, 'from'], notes),
          ports: (rule?.ports ?? []).map(portsOf),
        })),
        { path: ['spec', 'ingress'], member: 'ports', order, notes },
      ),
      egress: adminRuling(
        (spec.egress ?? []).map((rule, i) => ({
          action: actionOfName(actions, rule?.action),
          peers: adminPeers(rule?.to, ['spec', 'egress', i, 'to'], notes),
          ports: (rule?.ports ?? []).map(portsOf),
        })),
        { path: ['spec', 'egress'], member: 'ports', order, notes },
      ),
    },
    notes,
  }
}

/** One of three ways to say a port; a name is of any protocol. */
function portsOf(entry: AdminPort | null): Ports {
  const { portNumber, namedPort: name, portRange: range } = entry ?? {}
  const protocol = portNumber?.protocol ?? range?.protocol ?? 'TCP'
  const numbers = [portNumber?.port, range?.start, range?.end]
  if ([protocol, name, ...numbers].some(isUnresolved)) return unknownPorts
  if (name) return namedPort(name)
  if (protocol !== 'TCP' && protocol !== 'UDP') return noPort
  if (portNumber != null) return ofProtocol(portRange(Number(portNumber.port), Number(portNumber.port)), protocol)
  return range == null ? unknownPorts : ofProtocol(portRange(Number(range.start), Number(range.end)), protocol)
}
