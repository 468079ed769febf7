import type { Resource } from '../k8s/resource.ts'
import { closedControlPlane } from '../linkerd/policies/control-plane-ingress.ts'
import { everyPolicy } from '../linkerd/policies/every-policy.ts'
import { failurePolicyOf, type WebhookView, webhookReads } from '../linkerd/policies/outside-calls.ts'
import { policiesOnControlPlane } from '../linkerd/policies/policies-elsewhere.ts'
import { type PolicyView, policyReads } from '../linkerd/policies/policy-forms.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { PolicyKind } from '../policy/translate.ts'

export const networkPolicyIsolatesControlPlane = defineRule({
  id: 'network-policy-isolates-control-plane',
  severity: 'error',
  judges: 'both',
  summary: 'A policy on the control plane must let in the proxies and the API server.',
  why: `The API server calls the injector on TCP 8443 and the validators of the destination Pod on 8443 and 9443; it is no Pod, so that no selector means it. When it cannot get through, \`failurePolicy\`
decides: with \`Ignore\`, Linkerd's default, Pods are created **without a proxy**, without mTLS and policy, and nobody is told. Proxies dial identity on TCP 8080, destination
on 8086 and policy on 8090; without these they get no certificate, no endpoints and no policy. A Prometheus reads the components' metrics through 4143, and their proxies' on 4191.`,
  remediation:
    'Allow ingress on TCP 8443 and 9443 from everywhere, or from the addresses of the API server, and on 8080, 8086 and 8090 from meshed namespaces.',
  limits: `It knows the components by the label \`linkerd.io/control-plane-component\`; where their Pods are not in the files given, it takes them as the chart makes them. Address ranges are
taken to hold the API server. In some clusters the API server connects through Pods of \`kube-system\`, so where Pods of all namespaces, or of that one, are let in, it is a warning. An API server on the same
node always gets through. Proxies are only asked for where meshed Pods or Namespaces are known, a Prometheus where one is known by its labels; whether that one
is told to scrape the control plane is not known, so it is information.`,
  sources: [
    'linkerd2 charts/linkerd-control-plane/templates/identity.yaml, destination.yaml, proxy-injector.yaml (edge-26.8)',
    'https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy',
    'https://github.com/linkerd/linkerd2/issues/8765',
  ],
  messages: {
    'api-server':
      'the API server cannot reach {{target}} on TCP {{ports}}, since it is no Pod and no policy {{scope}}lets it in{{certainty}}: {{consequence}}',
    scraper: '{{client}} cannot scrape {{target}} on TCP {{ports}}: no policy {{scope}}lets it in',
    proxies:
      '{{client}} cannot reach {{target}} on TCP {{ports}}: no policy {{scope}}lets its proxy in, which {{consequence}}',
  },
  reads: [...policyReads, ...webhookReads],
  check: everyPolicy(reports),
  elsewhere: policiesOnControlPlane,
})

/** What becomes of requests when the API server goes on without the webhook, and when it does not. */
const withoutInjector = {
  Ignore: 'Pods are created without a proxy, and nobody is told',
  Fail: 'Pods are not created at all',
}
const withoutValidators = {
  Ignore: 'its policies and profiles are accepted unchecked',
  Fail: 'its policies and profiles cannot be changed',
}

function* reports(resource: Resource<PolicyKind>, view: PolicyView & WebhookView) {
  const scope = view.scope === 'cluster' ? '' : 'in the files given '
  for (const { path, target, component, controlPlane, webhooks, ports, by, client, sure } of closedControlPlane(
    resource,
    view,
  )) {
    const data = { target, ports: ports.join(', '), scope }
    if (by === 'scraper') {
      yield { message: 'scraper', path, data: { ...data, client }, confidence: 'low', severity: 'info' } as const
      continue
    }
    if (by === 'proxy') {
      const consequence =
        component === 'identity' ? 'gets no certificate' : 'learns neither where requests go nor who may send them'
      yield {
        message: 'proxies',
        path,
        data: { ...data, client, consequence },
        confidence: sure ? 'high' : 'low',
        severity: sure ? 'error' : 'info',
      } as const
      continue
    }
    const known = failurePolicyOf(controlPlane, webhooks, view)
    const outcome = (component === 'proxy-injector' ? withoutInjector : withoutValidators)[known ?? 'Ignore']
    const consequence = `with failurePolicy ${known ?? "Ignore, Linkerd's default"}, ${outcome}`
    const certainty = sure ? '' : ', unless it connects through Pods of kube-system'
    yield {
      message: 'api-server',
      path,
      data: { ...data, consequence, certainty },
      confidence: sure ? 'high' : 'medium',
      severity: sure ? 'error' : 'warning',
    } as const
  }
}
