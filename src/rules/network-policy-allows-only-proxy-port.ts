import type { Resource } from '../k8s/resource.ts'
import { hasPart } from '../linkerd/policies/control-plane-access.ts'
import { everyPolicy } from '../linkerd/policies/every-policy.ts'
import { type OutsideCall, type OutsideView, outsideCalls, outsideReads } from '../linkerd/policies/outside-calls.ts'
import { policiesElsewhere } from '../linkerd/policies/policies-elsewhere.ts'
import { isAllowed, isApiServer, isClientOutside, onTcp, type Question } from '../linkerd/policies/policy-answer.ts'
import { formsOf, type PolicyView, policyReads } from '../linkerd/policies/policy-forms.ts'
import { type Subject, subjectsOf } from '../linkerd/policies/policy-world.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { AllowRule, Policy } from '../policy/policy.ts'
import { hasPort } from '../policy/port-set.ts'
import type { PolicyKind } from '../policy/translate.ts'

export const networkPolicyAllowsOnlyProxyPort = defineRule({
  id: 'network-policy-allows-only-proxy-port',
  severity: 'warning',
  judges: 'both',
  summary: "A policy that opens the mesh's port must also leave the application's to clients outside the mesh.",
  why: `Only meshed clients arrive on TCP 4143, and the proxy refuses there whoever does not speak the mesh's TLS. A load balancer, a client of a NodePort and the API server arrive on the application's port,
as before. Where only 4143 is open they run into a timeout: the site is down from outside, or every request that a webhook should see hangs.`,
  remediation: "Keep the application's port open to those who are outside the mesh, beside TCP 4143.",
  limits:
    'It speaks where a Service of type LoadBalancer or NodePort, or a webhook configuration, leads to a port of a known Pod that no policy opens to anybody outside. Address ranges, and values that are not filled in, are taken to be those clients.',
  sources: [
    'linkerd2-proxy linkerd/app/inbound/src/direct.rs',
    'https://linkerd.io/2/reference/iptables/',
    'https://github.com/linkerd/linkerd2/issues/15246',
  ],
  messages: {
    closed:
      '{{caller}} leads to TCP {{port}} of {{target}}, which no policy {{scope}}opens to {{client}}: only meshed clients arrive on {{proxyPort}}. Open {{port}} as well',
  },
  reads: [...policyReads, ...outsideReads],
  check: everyPolicy(reports),
  elsewhere: policiesElsewhere('opens-proxy-port', 'siblings'),
})

function* reports(resource: Resource<PolicyKind>, view: PolicyView & OutsideView) {
  for (const policy of formsOf(resource, view))
    for (const subject of subjectsOf(policy, view)) {
      const { pod, text } = subject
      const opening = policy.directions.ingress.rules.find((rule) => opensProxyPort(rule, pod.inboundPort))
      const path = opening?.entries.find(({ ports }) => hasPort(ports.numbers, pod.inboundPort))?.path
      if (path === undefined || pod.meshed !== 'yes') continue
      const call = outsideCalls(pod, view).find((one) => isClosed(policy, subject, one))
      if (!call) continue
      yield {
        message: 'closed',
        path,
        data: {
          caller: call.caller,
          port: call.port,
          target: text,
          scope: view.scope === 'cluster' ? '' : 'in the files given ',
          client: call.by === 'api-server' ? 'the API server' : 'clients outside the cluster',
          proxyPort: pod.inboundPort,
        },
        confidence: 'medium',
      } as const
      break
    }
}

function opensProxyPort({ entries, ports }: AllowRule, port: number): boolean {
  return entries.length > 0 && hasPort(ports.numbers, port)
}

function isClosed(policy: Policy, subject: Subject, { port, by }: OutsideCall): boolean {
  const peer = by === 'api-server' ? isApiServer(true) : isClientOutside
  const question: Question = { direction: 'ingress', ports: onTcp(port, subject.pod), peer }
  return isAllowed(subject.policies, question) === 'no' && hasPart(policy, subject, question)
}
