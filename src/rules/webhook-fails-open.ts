import type { View } from '../core/view.ts'
import type { Resource } from '../k8s/resource.ts'
import { type CallerKind, calledServices } from '../linkerd/certificates/called-service.ts'
import { renewal } from '../linkerd/certificates/cert-manager.ts'
import { certainly, troubleWith, trustIn } from '../linkerd/certificates/service-trust.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type FailsOpenView = View<'Certificate' | 'Secret', LinkerdSettings>

export const webhookFailsOpen = defineRule({
  id: 'webhook-fails-open',
  severity: 'error',
  judges: 'both',
  summary: "A webhook of Linkerd's that is ignored when it fails must not fail.",
  why: `\`failurePolicy: Ignore\` means: when the call fails, go on as if there were no webhook. When the certificate has expired or does not fit its \`caBundle\`, every call fails. Pods are then
created without a proxy, so without mTLS and policy, and neither \`kubectl\` nor an Event says so; the validators let through policies that Linkerd will not understand.`,
  remediation:
    'Repair the certificate first (linkerd upgrade, helm upgrade or cert-manager), then create the Pods again. webhookFailurePolicy: Fail makes such an outage loud instead.',
  limits:
    'It speaks only where the certificate already fails, or ends within `linkerd.certificateErrorDays`. That a server does not answer us (medium confidence) may also be due to a NetworkPolicy.',
  sources: [
    'https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy',
    'https://github.com/linkerd/linkerd2/issues/13702',
    'linkerd2 charts/linkerd-control-plane/values.yaml webhookFailurePolicy (edge-26.8)',
  ],
  messages: {
    unmeshed: 'Ignore: Pods {{get}} no proxy, unseen: {{cause}}. {{how}}',
    unvalidated: 'Ignore: objects {{get}} no validation: {{cause}}. {{how}}',
  },
  reads: ['Certificate', 'Secret'],
  check: {
    *MutatingWebhookConfiguration(subject, view) {
      for (const report of openings(subject, view)) yield { ...report, message: 'unmeshed' }
    },
    *ValidatingWebhookConfiguration(subject, view) {
      for (const report of openings(subject, view)) yield { ...report, message: 'unvalidated', severity: 'warning' }
    },
  },
})

function* openings(subject: Resource<CallerKind>, view: FailsOpenView) {
  for (const called of calledServices(subject)) {
    const found = called.failsOpen && trustIn(called, view)
    const trouble = called.misencoded
      ? certainly(`the caBundle of ${called.service} is not base64`)
      : found && troubleWith(called, found)
    if (!called.failsOpen || !trouble) continue
    const data = {
      get: trouble.soon ? 'will get' : 'get',
      cause: trouble.text,
      how: trouble.unreachable
        ? `Run kubectl -n ${called.namespace} get pods`
        : renewal(view, called.namespace, called.secret),
    }
    const severity = trouble.soon ? 'warning' : 'error'
    yield { path: called.failsOpen, data, confidence: trouble.sure ? 'high' : 'medium', severity } as const
  }
}
