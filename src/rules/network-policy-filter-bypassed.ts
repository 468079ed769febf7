import type { Resource } from '../k8s/resource.ts'
import { meshedPairs } from '../linkerd/policies/meshed-pairs.ts'
import { policiesElsewhere } from '../linkerd/policies/policies-elsewhere.ts'
import { formsOf, type PolicyView, policyReads } from '../linkerd/policies/policy-forms.ts'
import { redirectedPorts, type WireView, wireReads } from '../linkerd/policies/wire-port.ts'
import { defineRule } from '../linkerd/rule.ts'
import { formatPorts, portIntersection, portsOf } from '../policy/port-set.ts'

export const networkPolicyFilterBypassed = defineRule({
  id: 'network-policy-filter-bypassed',
  severity: 'warning',
  judges: 'both',
  summary: 'A filter of Cilium on an application port does not see what meshed Pods say to each other.',
  why: `Between meshed Pods connections arrive on TCP 4143, whatever port the application named. A rule for paths, methods or TLS on port 80 therefore sees unmeshed clients only. As long as 4143 is closed, meshed
clients do not get through at all; once it is open, they reach every path on every port of the Pod, although the policy reads as if they did not.`,
  remediation:
    'Say the same in the mesh: a Server for the port, HTTPRoutes for the paths, and an AuthorizationPolicy for who may; Linkerd reads what it has encrypted itself.',
  limits:
    'It is a warning where both ends are known to be meshed, and information where that is not known. Rules for DNS are fine. Ports that bypass the proxy are, too.',
  sources: [
    'linkerd2 controller/api/destination/endpoint_translator.go (edge-26.8)',
    'https://docs.cilium.io/en/stable/security/policy/language/',
    'https://linkerd.io/2/features/server-policy/',
  ],
  messages: {
    bypassed:
      '{{filters}} on {{ports}} does not apply from {{client}} to {{server}}: between meshed Pods connections arrive on TCP {{proxyPort}}, encrypted. Use a Server, HTTPRoutes and an AuthorizationPolicy',
  },
  reads: [...policyReads, ...wireReads],
  check: { CiliumNetworkPolicy: reports, CiliumClusterwideNetworkPolicy: reports },
  elsewhere: policiesElsewhere('filters', 'named peers'),
})

function* reports(
  resource: Resource<'CiliumNetworkPolicy'> | Resource<'CiliumClusterwideNetworkPolicy'>,
  view: PolicyView & WireView,
) {
  for (const policy of formsOf(resource, view))
    for (const direction of ['ingress', 'egress'] as const)
      for (const rule of policy.directions[direction].rules)
        for (const { filters, ports, path } of rule.entries) {
          if (filters.every((filter) => filter === 'dns')) continue
          for (const { client, server, sure } of meshedPairs(policy, direction, rule, view)) {
            const named = portsOf(ports.names.flatMap((name) => server.pod.named.get(name) ?? []))
            const numbers = ports.names.length > 0 ? named : ports.numbers
            // A range that holds the proxy's own port breaks the connection; another rule says so.
            if (portIntersection(numbers, portsOf([server.pod.inboundPort])).length > 0) continue
            const redirected = redirectedPorts(numbers, client.pod, server.pod, view)
            if (redirected.length === 0) continue
            yield {
              message: 'bypassed',
              path,
              data: {
                filters: filters.join(' and '),
                ports: formatPorts(redirected),
                client: client.text,
                server: server.text,
                proxyPort: server.pod.inboundPort,
              },
              confidence: sure ? 'medium' : 'low',
              severity: sure ? 'warning' : 'info',
            } as const
            break
          }
        }
}
