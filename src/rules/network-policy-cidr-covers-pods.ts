import type { Resource } from '../k8s/resource.ts'
import { addressGaps } from '../linkerd/policies/address-gaps.ts'
import { everyPolicy } from '../linkerd/policies/every-policy.ts'
import { type GapView, gapReads } from '../linkerd/policies/gap-view.ts'
import { policiesElsewhere } from '../linkerd/policies/policies-elsewhere.ts'
import { wirePortGaps } from '../linkerd/policies/wire-port-gaps.ts'
import { isWebOnly } from '../linkerd/protocols/web-ports.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { PolicyKind } from '../policy/translate.ts'

export const networkPolicyCidrCoversPods = defineRule({
  id: 'network-policy-cidr-covers-pods',
  severity: 'warning',
  judges: 'both',
  summary:
    "A range of addresses in which Pods may live opens an application's port, but not the port on which the mesh connects.",
  why: `Network plugins differ in whether a range of addresses matches a Pod by its address. Where it does, a policy that opens 8080 to \`10.0.0.0/8\` lets unmeshed Pods in and
cuts meshed ones off: between two meshed Pods Linkerd connects on the inbound port of the server's proxy (TCP 4143), whatever port the application named.`,
  remediation:
    'If Pods are meant, select them by labels and open TCP 4143 beside the application port. If they are not, leave the addresses of Pods out: ' +
    "list the cluster's networks under `except`, or write the narrower range that is meant.",
  limits: `Never more than a warning, since it depends on the network plugin; never for Cilium, whose CIDR rules do not match Pods. Which addresses are Pods' is what Linkerd's
\`clusterNetworks\` say. "Everything but the private ranges" says outside the cluster and is left alone, and so is a policy beside which another one opens the port to every meshed Pod
or to addresses. Egress to nothing but 80, 443 and 6443 is nearly always meant for the internet or the API server, and only a hint.`,
  sources: [
    'https://kubernetes.io/docs/concepts/services-networking/network-policies/#behavior-of-ipblock-selectors',
    'linkerd2 controller/api/destination/endpoint_translator.go (edge-26.8)',
    'https://docs.cilium.io/en/stable/security/policy/language/#cidr-based',
  ],
  messages: {
    'cidr-may-cover-pods':
      'TCP {{proxyPort}} is missing beside {{ports}} for {{cidr}}, where Pods may live: if the network plugin matches Pods by address, meshed Pods cannot connect with {{target}}, since Linkerd connects on {{proxyPort}}',
  },
  reads: gapReads,
  check: everyPolicy(check),
  elsewhere: policiesElsewhere('opens-to-addresses', 'meshed peers', 'siblings'),
})

function* check(policy: Resource<PolicyKind>, view: GapView) {
  const [...found] = addressGaps(policy, view)
  if (found.length === 0) return
  // Whoever mends the rule for its selectors sees its addresses, too.
  const isMixed = found.some(({ rule }) => rule.peers.some(({ as }) => as === 'pods'))
  const beside = isMixed ? [...wirePortGaps(policy, view)] : []
  const reported = new Set(beside.map(({ rule }) => rule.path.join('/')))
  for (const { proxyPort, ports, cidr, target, path, rule, direction } of found) {
    const at = rule.path.join('/')
    if (reported.has(at)) continue
    reported.add(at)
    const external = direction === 'egress' && isWebOnly(rule.ports.names.length > 0 ? [] : rule.ports.numbers)
    yield {
      message: 'cidr-may-cover-pods' as const,
      path,
      data: { proxyPort, ports, cidr, target },
      confidence: external ? ('low' as const) : ('medium' as const),
      severity: external ? ('info' as const) : ('warning' as const),
    }
  }
}
