import type { Resource } from '../k8s/resource.ts'
import { everyPolicy } from '../linkerd/policies/every-policy.ts'
import { policiesElsewhere } from '../linkerd/policies/policies-elsewhere.ts'
import { isAllowed, isPod, type Question } from '../linkerd/policies/policy-answer.ts'
import { formsOf, type PolicyView, policyReads } from '../linkerd/policies/policy-forms.ts'
import { subjectsOf } from '../linkerd/policies/policy-world.ts'
import { unmeshedPeer } from '../linkerd/policies/unmeshed-peer.ts'
import { defineRule } from '../linkerd/rule.ts'
import { hasPort, type PortSet, portDifference, portsOf } from '../policy/port-set.ts'
import type { PolicyKind } from '../policy/translate.ts'

export const networkPolicyOpensProxyPortToUnmeshed = defineRule({
  id: 'network-policy-opens-proxy-port-to-unmeshed',
  severity: 'warning',
  judges: 'both',
  summary: "The mesh's own port is of no use to Pods outside the mesh, who need the application's.",
  why: `TCP 4143 is where a proxy takes what another proxy sends: it refuses whatever is not the mesh's TLS. A Pod without a proxy connects on the application's port, and a server without one
does not listen on 4143. A policy that opens 4143 to such Pods, and nothing else, lets nobody through.`,
  remediation: "Open the application's port to Pods that are not meshed, or mesh them.",
  limits:
    'It speaks where every Pod that the rule admits is known not to be meshed, and no policy opens them any other port. In a cluster it looks at rules that name their namespaces only.',
  sources: ['linkerd2-proxy linkerd/app/inbound/src/direct.rs', 'https://linkerd.io/2/common-errors/network-policy/'],
  messages: {
    useless:
      'TCP {{proxyPort}} between {{peer}} and {{target}} is of no use: {{peer}} is not meshed, and no policy {{scope}}opens another port. Open the port of the application',
  },
  reads: policyReads,
  check: everyPolicy(reports),
  elsewhere: policiesElsewhere('opens-only-proxy-port', 'named peers', 'siblings'),
})

function* reports(resource: Resource<PolicyKind>, view: PolicyView) {
  const { adminPort, controlPort, inboundPort } = view.settings
  for (const policy of formsOf(resource, view))
    for (const direction of ['ingress', 'egress'] as const)
      for (const rule of policy.directions[direction].rules) {
        const peers = rule.peers.filter((peer) => peer.as === 'pods' && !peer.outside)
        if (rule.entries.length === 0 || peers.length < rule.peers.length || rule.ports.unknown) continue
        for (const { pod, policies, text } of subjectsOf(policy, view)) {
          const proxyPort = direction === 'ingress' ? pod.inboundPort : inboundPort
          const others = (ports: PortSet) => portDifference(ports, portsOf([proxyPort, adminPort, controlPort]))
          const entry = rule.entries.find(({ ports }) => hasPort(ports.numbers, proxyPort))
          if (!entry || others(rule.ports.numbers).length > 0 || rule.ports.names.length > 0) continue
          const peer = unmeshedPeer(peers, view)
          if (!peer || pod.meshed !== 'yes') continue
          const question: Question = {
            direction,
            ports: ({ numbers, names, unknown }) =>
              others(numbers).length > 0 ? 'yes' : unknown || names.length > 0 ? 'maybe' : 'no',
            peer: isPod(peer, view),
          }
          if (isAllowed(policies, question) !== 'no') continue
          const scope = view.scope === 'cluster' ? '' : 'in the files given '
          const data = { proxyPort, peer: peer.name ?? `namespace ${peer.namespace}`, target: text, scope }
          yield { message: 'useless', path: entry.path, data, confidence: 'medium' } as const
          break
        }
      }
}
