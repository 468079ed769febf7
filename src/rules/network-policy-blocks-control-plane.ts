import type { Fix } from '../core/edit.ts'
import type { Json } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import { type BlockedAccess, blockedAccess } from '../linkerd/policies/control-plane-access.ts'
import { everyPolicy } from '../linkerd/policies/every-policy.ts'
import { policiesElsewhere } from '../linkerd/policies/policies-elsewhere.ts'
import { type PolicyView, policyReads } from '../linkerd/policies/policy-forms.ts'
import { defineRule } from '../linkerd/rule.ts'
import { namespaceNameLabel } from '../policy/policy.ts'
import type { PolicyKind } from '../policy/translate.ts'

export const networkPolicyBlocksControlPlane = defineRule({
  id: 'network-policy-blocks-control-plane',
  severity: 'error',
  judges: 'both',
  summary: "A policy that isolates a meshed Pod's egress must leave its proxy the cluster's DNS and the control plane.",
  why: `A proxy asks the cluster's DNS for the control plane and dials it directly: identity on TCP 8080, destination on 8086, policy on 8090. It does not go through the inbound port
on TCP 4143 of the control plane's own proxies. Without its certificate the proxy never becomes ready, and the Pod hangs in its start; a Pod that is running already
loses its mesh when the certificate ends, within a day. The proxy's log says \`connect timed out\` with one of these ports.`,
  remediation:
    "Allow egress to the control plane's namespace on TCP 8080, 8086 and 8090, and to the cluster's DNS on UDP and TCP 53. 4143 is not needed there.",
  limits: `What counts is the union of all policies of every dialect that select the Pod, in the files given or in the cluster. It is silent where something may grant the port
that is not known here: a value that is not filled in (\`\${VAR}\`), an address range in which Pods may live, a label of the control plane's Pods that it does not know. Any peer but
other namespaces than \`kube-system\` and those named for DNS may be the DNS. That DNS is only open over UDP is information: answers that do not fit are asked for again over TCP.
A policy of the whole cluster is only judged by Pods and Namespaces that are known. It is information where nobody knows whether the Pod is meshed.`,
  sources: [
    'linkerd2 charts/partials/templates/_proxy.tpl (edge-26.8)',
    'linkerd2-proxy linkerd/app/core/src/control.rs, linkerd/dns/src/lib.rs',
    'https://github.com/linkerd/linkerd2/issues/9812',
    'https://kubernetes.io/docs/concepts/services-networking/network-policies/',
  ],
  messages: {
    blocked: 'the proxy of {{target}}{{certainty}} cannot reach {{missing}}: {{reason}}. {{consequence}}',
    'only-proxy-port':
      'TCP {{proxyPort}} to {{controlPlane}} is not what proxies use: that of {{target}}{{certainty}} dials the control plane itself and cannot reach {{missing}}. {{consequence}}',
    'dns-by-udp-only':
      'the proxy of {{target}}{{certainty}} cannot ask the DNS over TCP 53, as it does for answers that do not fit in UDP',
  },
  reads: policyReads,
  check: everyPolicy(reports),
  elsewhere: policiesElsewhere('closes-egress', 'control plane', 'siblings'),
})

function* reports(resource: Resource<PolicyKind>, view: PolicyView) {
  for (const blocked of blockedAccess(resource, view)) {
    const { subject, path, ports, dns, controlPlane, proxyPortInstead } = blocked
    const sure = subject.pod.meshed === 'yes'
    const isImagined = subject.pod.name === undefined && view.scope === 'cluster'
    const confidence = !sure ? 'low' : isImagined ? 'medium' : 'high'
    const severity = !sure ? 'info' : isImagined ? 'warning' : 'error'
    const data = {
      target: subject.text,
      certainty: sure ? '' : ', should it be meshed,',
      reason: blocked.denied
        ? 'the policy denies it'
        : `no policy ${view.scope === 'cluster' ? '' : 'in the files given '}allows it`,
      consequence:
        dns.length > 0 || ports.includes(identityPort)
          ? 'It gets no certificate, and the Pod never becomes ready'
          : 'It learns neither where requests go nor who may send them, and they fail',
      missing: missingOf(blocked),
      controlPlane,
      proxyPort: view.settings.inboundPort,
    }
    if (ports.length === 0 && dns.length === 1 && dns[0] === 'TCP') {
      yield { message: 'dns-by-udp-only', path, data, confidence: 'low', severity: 'info' } as const
      continue
    }
    const message = ports.length > 0 && proxyPortInstead ? 'only-proxy-port' : 'blocked'
    yield { message, path, data, confidence, severity, fix: sure ? fixFor(resource, blocked) : undefined } as const
  }
}

const identityPort = 8080

function missingOf({ ports, dns, controlPlane }: BlockedAccess): string {
  const words: string[] = []
  if (ports.length > 0) words.push(`TCP ${ports.join(', ')} of the control plane in ${controlPlane}`)
  if (dns.length > 0) words.push(`${dns.join(' and ')} 53 of the cluster's DNS`)
  return words.join(', nor ')
}

/** Opens the control plane. Where the DNS is, nobody knows; and what a policy denies is for a person to allow. */
function fixFor(
  resource: Resource<PolicyKind>,
  { ports, controlPlane, subject, path }: BlockedAccess,
): Fix | undefined {
  if (ports.length === 0 || subject.policies.some(({ policy }) => policy.directions.egress.restrictions.length > 0))
    return undefined
  const title = `allow egress to ${controlPlane} on TCP ${ports.join(', ')}`
  const numbers = ports.map((port) => ({ port, protocol: 'TCP' }))
  const rule = (): Json | undefined => {
    if (resource.kind === 'NetworkPolicy')
      return {
        to: [{ namespaceSelector: { matchLabels: { [namespaceNameLabel]: controlPlane } } }],
        ports: numbers,
      }
    if (resource.kind === 'CiliumNetworkPolicy' || resource.kind === 'CiliumClusterwideNetworkPolicy')
      return {
        toEndpoints: [{ matchLabels: { 'k8s:io.kubernetes.pod.namespace': controlPlane } }],
        toPorts: [{ ports: numbers.map(({ port, protocol }) => ({ port: String(port), protocol })) }],
      }
    return undefined
  }
  const value = rule()
  const at = resource.kind === 'NetworkPolicy' ? ['spec', 'egress'] : path
  return value === undefined ? undefined : { title, edits: [{ op: 'append', path: at, value }] }
}
