import type { Resource } from '../k8s/resource.ts'
import { proxyPortNames } from '../linkerd/facts.ts'
import { meshedPairs } from '../linkerd/policies/meshed-pairs.ts'
import { policiesElsewhere } from '../linkerd/policies/policies-elsewhere.ts'
import { formsOf, type PolicyView, policyReads } from '../linkerd/policies/policy-forms.ts'
import { defineRule } from '../linkerd/rule.ts'
import { hasPort } from '../policy/port-set.ts'

export const networkPolicyFiltersProxyPort = defineRule({
  id: 'network-policy-filters-proxy-port',
  severity: 'error',
  judges: 'both',
  summary: "A Cilium policy must not read the traffic on the mesh's own port.",
  why: `An element of \`toPorts\` with \`rules\`, TLS settings, \`serverNames\` or a \`listener\` sends its connections through Cilium's own proxy. Between meshed Pods everything arrives on TCP 4143, encrypted
by Linkerd: that proxy cannot read it, and the connection breaks. Only a range of ports can do so by mistake. A further rule that opens the same port without
a filter does not take the proxy out of the way again.`,
  remediation: 'Leave TCP 4143 out of the element with the filter, and open it in an element of its own.',
  limits: 'It is an error where both ends are known to be meshed, and information where that is not known.',
  sources: [
    'cilium pkg/policy/api/l4.go, rule_validation.go (1.20)',
    'https://docs.cilium.io/en/stable/security/policy/language/',
  ],
  messages: {
    filtered:
      '{{filters}} reads TCP {{proxyPort}} from {{client}} to {{server}}, which is encrypted by the mesh: Cilium cannot read it, and the connection breaks. Open {{proxyPort}} in an element of its own',
  },
  reads: policyReads,
  check: { CiliumNetworkPolicy: reports, CiliumClusterwideNetworkPolicy: reports },
  elsewhere: policiesElsewhere('filters', 'named peers'),
})

function* reports(
  resource: Resource<'CiliumNetworkPolicy'> | Resource<'CiliumClusterwideNetworkPolicy'>,
  view: PolicyView,
) {
  for (const policy of formsOf(resource, view))
    for (const direction of ['ingress', 'egress'] as const)
      for (const rule of policy.directions[direction].rules)
        for (const { filters, ports, path } of rule.entries) {
          if (filters.length === 0) continue
          const pair = meshedPairs(policy, direction, rule, view).find(
            ({ server }) =>
              hasPort(ports.numbers, server.pod.inboundPort) || ports.names.includes(proxyPortNames.inbound),
          )
          if (!pair) continue
          const { client, server, sure } = pair
          yield {
            message: 'filtered',
            path,
            data: {
              filters: filters.join(' and '),
              proxyPort: server.pod.inboundPort,
              client: client.text,
              server: server.text,
            },
            confidence: sure ? 'high' : 'low',
            severity: sure ? 'error' : 'info',
          } as const
        }
}
