import type { Resource } from '../k8s/resource.ts'
import { hasPart, rulesPath } from '../linkerd/policies/control-plane-access.ts'
import { everyPolicy } from '../linkerd/policies/every-policy.ts'
import { policiesElsewhere } from '../linkerd/policies/policies-elsewhere.ts'
import { isAllowed, isPod, onTcp, type Question } from '../linkerd/policies/policy-answer.ts'
import { formsOf, type PolicyView, policyReads } from '../linkerd/policies/policy-forms.ts'
import { subjectsOf } from '../linkerd/policies/policy-world.ts'
import { scrapers } from '../linkerd/policies/scrapers.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { PolicyKind } from '../policy/translate.ts'

export const networkPolicyOmitsAdminPort = defineRule({
  id: 'network-policy-omits-admin-port',
  severity: 'info',
  judges: 'both',
  summary: "A policy that isolates meshed Pods should let Prometheus scrape their proxies' metrics.",
  why: `A proxy serves its metrics on its admin port, TCP 4191, and a Prometheus dials that port directly, be it meshed or not: it never goes through 4143. Where no policy opens it, success
rates, latencies and the whole dashboard of these Pods are empty, and nothing else is wrong.`,
  remediation: 'Allow ingress on TCP 4191 from the namespace of the Prometheus.',
  limits:
    'It speaks only where a Prometheus is known, by its labels (`app.kubernetes.io/name`, `app` or `component`); whether that one is told to scrape proxies is not known, so it is information. It takes the admin port from the settings, not from annotations.',
  sources: [
    'linkerd2 charts/partials/templates/_proxy-init.tpl (edge-26.8)',
    'https://linkerd.io/2/tasks/external-prometheus/',
  ],
  messages: {
    omitted:
      "{{scraper}} cannot scrape the proxy's metrics of {{target}}: no policy {{scope}}opens TCP {{adminPort}} to it",
  },
  reads: policyReads,
  check: everyPolicy(reports),
  elsewhere: policiesElsewhere('closes-ingress', 'scrapers', 'siblings'),
})

function* reports(resource: Resource<PolicyKind>, view: PolicyView) {
  const known = scrapers(view)
  if (known.length === 0) return
  const { adminPort } = view.settings
  for (const policy of formsOf(resource, view))
    for (const subject of subjectsOf(policy, view)) {
      const { pod, policies, text } = subject
      const scraper = known.find((client) => {
        const question: Question = { direction: 'ingress', ports: onTcp(adminPort, pod), peer: isPod(client, view) }
        return client !== pod && isAllowed(policies, question) === 'no' && hasPart(policy, subject, question)
      })
      if (pod.meshed !== 'yes' || scraper === undefined) continue
      yield {
        message: 'omitted',
        path: rulesPath(policy, resource, 'ingress'),
        data: {
          scraper: scraper.name ?? '',
          target: text,
          scope: view.scope === 'cluster' ? '' : 'in the files given ',
          adminPort,
        },
        confidence: 'low',
      } as const
      break
    }
}
