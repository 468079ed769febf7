import type { Severity } from '../core/finding.ts'
import { isMeant } from '../core/namespace-pattern.ts'
import { own } from '../k8s/json.ts'
import { annotationOf, labelsOf } from '../k8s/resource.ts'
import { annotations, labels } from '../linkerd/facts.ts'
import { injectorWebhooks, whyNotCalled, whyNotCalledByDefault } from '../linkerd/injection/injector-webhook.ts'
import { defineRule } from '../linkerd/rule.ts'

export const namespaceUnmeshedByLabel = defineRule({
  id: 'namespace-unmeshed-by-label',
  severity: 'error',
  judges: 'both',
  summary: 'A Namespace that asks for injection must not switch the webhook off.',
  why: `With the label \`config.linkerd.io/admission-webhooks: disabled\` the API server calls none of Linkerd's webhooks for the Namespace: no Pod is injected, whatever the annotations say, no Service gets its
opaque ports, and no policy there is validated. It is meant for the control plane's own namespaces. Only the value \`disabled\` has that effect.`,
  remediation: 'Remove the label, or the annotation that asks for injection.',
  limits:
    "What the label does follows from the MutatingWebhookConfiguration where that is known, and from the chart's default where it is not.",
  sources: [
    'linkerd2 charts/linkerd-control-plane/values.yaml proxyInjector.namespaceSelector (edge-26.8)',
    'https://linkerd.io/2/features/proxy-injection/',
  ],
  messages: {
    'switched-off':
      "the label config.linkerd.io/admission-webhooks: disabled must go: {{asked}}, and with it the API server never calls Linkerd's injector for Namespace {{namespace}}",
    'without-effect':
      'write disabled in config.linkerd.io/admission-webhooks, or remove it: "{{value}}" on Namespace {{namespace}} leaves the webhooks on',
  },
  reads: ['MutatingWebhookConfiguration'],
  check: {
    *Namespace(namespace, view) {
      const value = own(labelsOf(namespace.metadata), labels.admissionWebhooks) ?? undefined
      if (value === undefined) return
      const path = ['metadata', 'labels', labels.admissionWebhooks]
      if (value !== 'disabled') {
        // People write `enabled` to say that it is not disabled.
        const severity: Severity = value === 'enabled' ? 'info' : 'warning'
        const data = { value, namespace: namespace.name }
        yield { message: 'without-effect', path, data, confidence: 'high', severity }
        return
      }
      const inject = annotationOf(namespace.metadata, annotations.inject)
      const asks = inject === 'enabled' || inject === 'ingress'
      const required = isMeant(view.settings.requireInjection, namespace.name, namespace) === 'yes'
      if (!asks && !required) return
      const object = { resource: 'pods', labels: {}, namespaceName: namespace.name, namespace } as const
      const webhooks = injectorWebhooks(view)
      const reasons =
        webhooks.length === 0
          ? [whyNotCalledByDefault(object)]
          : webhooks.map(({ webhook }) => whyNotCalled(webhook, object))
      if (!reasons.every((reason) => reason === 'namespace-label')) return
      const asked = asks ? `it has linkerd.io/inject: ${inject}` : 'it must be meshed here'
      yield { message: 'switched-off', path, data: { asked, namespace: namespace.name }, confidence: 'high' }
    },
  },
})
