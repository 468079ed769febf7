import type { Confidence, Severity } from '../core/finding.ts'
import type { Resource } from '../k8s/resource.ts'
import { isServedInMesh, isTargeted } from '../linkerd/pods/mesh-summary.ts'
import { everyPolicy } from '../linkerd/policies/every-policy.ts'
import { certaintyText } from '../linkerd/policies/gap-certainty.ts'
import { type GapView, gapReads } from '../linkerd/policies/gap-view.ts'
import { openProxyPort } from '../linkerd/policies/open-proxy-port.ts'
import { policiesElsewhere } from '../linkerd/policies/policies-elsewhere.ts'
import { type WirePortGap, wirePortGaps } from '../linkerd/policies/wire-port-gaps.ts'
import { isWebOnly } from '../linkerd/protocols/web-ports.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { PolicyKind } from '../policy/translate.ts'

export const networkPolicyOmitsProxyPort = defineRule({
  id: 'network-policy-omits-proxy-port',
  severity: 'error',
  judges: 'both',
  summary: 'A policy that lets meshed Pods talk must also open the port on which the mesh really connects.',
  why: `Since Linkerd 2.18, a connection between two meshed Pods arrives on the inbound port of the server's proxy (TCP 4143), whatever port the application
named; up to 2.17, and in \`transparent\` mode, that holds for opaque ports. A NetworkPolicy is applied to what is on the wire. If it opens 8080 and not 4143, an unmeshed
client gets through and a meshed one does not: HTTP answers 504 after 3 seconds and then 503, gRPC status 4 and then 14, and a TCP connection is closed
after a second without a line in any log. Probes stay green, since the kubelet is outside the mesh.

What counts is what all policies that select the Pod say together, per direction and in every dialect: Kubernetes, Cilium, Calico and the admin policies of the network policy API,
namespaced and cluster-wide. A policy beside this one may grant 4143, to all its peers or to some; a rule that denies, an order or a tier decides before it where the dialect says so.`,
  remediation:
    'Add TCP 4143 beside the application port, and keep the application port for clients outside the mesh: ingress controllers, the API server, probes. ' +
    'Opening 4143 to a peer opens every port of the Pod that goes through the proxy; restrict it again with a Server and an AuthorizationPolicy.',
  limits: `A finding is an error when target and peer are both known to be meshed, a warning when one of them is, and information when neither is: give the Namespaces and
workloads in the same run, or say \`--assume-meshed\`. It is information, too, while a value that is not filled in yet (\`\${VAR}\`) may settle it. Whether an \`ipBlock\` matches Pods depends on the network plugin, so a
finding where another policy opens the port to addresses of Pods is a warning. It is one, too, where the policy holds something that meshgate does not know exactly (service accounts, a tier
that is not given, the port that a client connects from), and the text says what. An object that the API server or Cilium refuses is passed over, and so are Cilium's policies for nodes. With more than one
network plugin's policies in one place, all are taken to hold. \`--fix\` changes NetworkPolicies, Cilium's rules without filters and Calico's that list TCP ports, but not where a rule that denies or passes on
tells the two ports apart: it would let in whom that rule keeps out. Ports that skip the
proxy, DNS, the proxy's own ports and the control plane's are left alone. The port name \`linkerd-proxy\` counts as the port, although some plugins do not resolve it for native
sidecars. Cilium enforces rules of a direction that \`policyTypes\` does not name; this rule follows Kubernetes, which ignores them.`,
  sources: [
    'https://linkerd.io/2/common-errors/network-policy/',
    'https://github.com/linkerd/linkerd2/issues/15246',
    'linkerd2 controller/api/destination/endpoint_translator.go (edge-26.8)',
    'https://kubernetes.io/docs/concepts/services-networking/network-policies/',
  ],
  messages: {
    omitted:
      'TCP {{proxyPort}} is missing beside {{ports}}: {{client}} cannot reach {{server}}{{certainty}}. Between meshed Pods Linkerd connects on {{proxyPort}}, which no policy {{scope}}allows here; add it, and keep {{ports}} for clients outside the mesh',
  },
  reads: gapReads,
  check: everyPolicy(check),
  elsewhere: policiesElsewhere('opens-without-proxy-port', 'meshed peers', 'siblings'),
})

function* check(policy: Resource<PolicyKind>, view: GapView) {
  const gaps = Map.groupBy(wirePortGaps(policy, view), (gap) => gap.rule.path.join('/'))
  for (const found of gaps.values()) {
    const gap = found.reduce((best, next) => (rank(next) < rank(best) ? next : best))
    const anywhere = likelyExternal(gap, view)
    const confidence = anywhere ? (anywhere === 'warning' ? 'medium' : 'low') : gap.confidence
    yield {
      message: 'omitted' as const,
      path: gap.path,
      data: {
        proxyPort: gap.proxyPort,
        ports: gap.ports,
        client: gap.client,
        server: gap.server,
        certainty: certaintyText(gap.doubt, gap.guess),
        scope: view.scope === 'cluster' ? '' : 'in the files given ',
      },
      confidence,
      severity: severityOf[confidence],
      // What may well be meant for the outside is for a person to decide.
      fix: confidence === 'low' ? undefined : openProxyPort(policy, found, gap, view),
    }
  }
}

const severityOf: Readonly<Record<Confidence, Severity>> = { high: 'error', medium: 'warning', low: 'info' }

/** The surest first; of equal ones, Pods that are known, and two that differ. */
function rank({ confidence, target, client, server }: WirePortGap): number {
  const known = [client, server].filter((name) => /^[A-Z]/.test(name)).length
  const surest = ['high', 'medium', 'low'].indexOf(confidence)
  return surest * 10 + (target.box === undefined ? 0 : 4) + (client === server ? 2 : 0) + (2 - known)
}

/**
 * Egress to everybody on nothing but web ports is nearly always meant for the internet or the API server. It is worth more
 * than a hint only when some meshed Pod serves such a port, or a Service leads to one.
 */
function likelyExternal(gap: WirePortGap, view: GapView): 'info' | 'warning' | undefined {
  if (gap.direction !== 'egress' || !gap.rule.peers.every((peer) => peer.as === 'pods' && peer.outside))
    return undefined
  if (!isWebOnly(gap.numbers) || gap.rule.ports.names.length > 0) return undefined
  return isServedInMesh(gap.numbers, view) || isTargeted(gap.numbers, view) ? 'warning' : 'info'
}
