import type { Confidence, Severity } from '../core/finding.ts'
import type { Resource } from '../k8s/resource.ts'
import { deniedProxyPorts } from '../linkerd/policies/denied-proxy-port.ts'
import { everyPolicy } from '../linkerd/policies/every-policy.ts'
import { certaintyText } from '../linkerd/policies/gap-certainty.ts'
import { type GapView, gapReads } from '../linkerd/policies/gap-view.ts'
import { policiesElsewhere } from '../linkerd/policies/policies-elsewhere.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { PolicyKind } from '../policy/translate.ts'

export const networkPolicyDeniesProxyPort = defineRule({
  id: 'network-policy-denies-proxy-port',
  severity: 'error',
  judges: 'both',
  summary: "A rule that denies the port of Linkerd's proxy cuts meshed Pods off, whatever else is open to them.",
  why: `Between two meshed Pods Linkerd connects on the inbound port of the server's proxy (TCP 4143), whatever port the application named; up to 2.17, and in
\`transparent\` mode, that holds for opaque ports. A rule that denies 4143 and leaves an application's port open lets only unmeshed clients through. No other policy can
help: in Cilium a rule that denies comes before every rule that allows, and in Calico, AdminNetworkPolicy and ClusterNetworkPolicy the first rule that speaks of the
port decides. HTTP answers 504 and then 503, and a TCP connection is closed without a line in any log.`,
  remediation:
    'Take the port of the proxy out of the rule that denies, or put a rule that allows it to the meshed Pods before it where the dialect has an order. ' +
    'To keep clients out, deny them the application ports as well, or say who may call with a Server and an AuthorizationPolicy.',
  limits: `Not reported are rules that deny an application's port together with the proxy's: they are meant to keep these clients out, or stand behind what opens the port. A finding
is less sure while it is not known whether both ends are meshed, or where the policy holds something that meshgate does not know exactly (service accounts, the port that a client
connects from); the text then says so. Rules that deny are never changed by \`--fix\`.`,
  sources: [
    'https://docs.cilium.io/en/stable/security/policy/deny/',
    'https://docs.tigera.io/calico/latest/reference/resources/networkpolicy',
    'https://network-policy-api.sigs.k8s.io/api-overview/',
    'linkerd2 controller/api/destination/endpoint_translator.go (edge-26.8)',
  ],
  messages: {
    denied:
      'TCP {{proxyPort}} is denied here while {{ports}} may be used: {{client}} cannot reach {{server}}{{certainty}}. Between meshed Pods Linkerd connects on {{proxyPort}}; leave it out of what is denied',
  },
  reads: gapReads,
  check: everyPolicy(check),
  elsewhere: policiesElsewhere('denies-ports', 'meshed peers', 'siblings'),
})

const severityOf: Readonly<Record<Confidence, Severity>> = { high: 'error', medium: 'error', low: 'warning' }
const surest: readonly Confidence[] = ['high', 'medium', 'low']

function* check(policy: Resource<PolicyKind>, view: GapView) {
  const found = new Map<string, ReturnType<typeof reportOf>>()
  for (const one of deniedProxyPorts(policy, view)) {
    const report = reportOf(one)
    const at = report.path.join('/')
    const known = found.get(at)
    if (!known || surest.indexOf(report.confidence) < surest.indexOf(known.confidence)) found.set(at, report)
  }
  yield* found.values()
}

type Denied = ReturnType<typeof deniedProxyPorts> extends Generator<infer One> ? One : never

function reportOf({ rule, proxyPort, ports, client, server, doubt, guess, confidence }: Denied) {
  return {
    message: 'denied' as const,
    path: rule.path,
    data: { proxyPort, ports, client, server, certainty: certaintyText(doubt, guess) },
    confidence,
    severity: severityOf[confidence],
  }
}
