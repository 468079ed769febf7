import type { View } from '../core/view.ts'
import { ageOf } from '../linkerd/certificates/certificate-age.ts'
import { judgeBundle } from '../linkerd/certificates/mesh-certificate-age.ts'
import {
  anchorsInConfigMap,
  issuedPeriod,
  type PlacedPem,
  pemsInSecret,
  roleOf,
} from '../linkerd/certificates/mesh-certificates.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

export const trustAnchorExpiring = defineRule({
  id: 'trust-anchor-expiring',
  severity: 'error',
  judges: 'both',
  summary: "The mesh's trust anchor must be replaced before it ends.",
  why: `Every proxy trusts other proxies by the trust anchor it was given when it was injected. When the anchor ends, no proxy accepts another, and none gets a new certificate: all traffic of the mesh
fails at once, and the way back needs a restart of every workload. Replacing an anchor in time is slow as well: the new one must reach every proxy, beside the old one, before the issuer is signed with it.`,
  remediation:
    'Add the new anchor beside the old one to linkerd-identity-trust-roots, restart the workloads, then issue linkerd-identity-issuer with the new one, and remove the old one last.',
  limits:
    'Of several anchors the one that lives longest decides. An expired one beside it harms no proxy, but `linkerd check` stops at it. Without cert-manager, Secrets and ConfigMaps are only judged in files.',
  sources: [
    'https://linkerd.io/2/tasks/manually-rotating-control-plane-tls-credentials/',
    'https://linkerd.io/2/checks/#l5d-identity-trustanchors-not-expiring-soon',
    'linkerd2 pkg/issuercerts/issuercerts.go (edge-26.8)',
  ],
  messages: {
    expired: 'The trust anchor {{subject}} expired on {{date}}: no proxy accepts another. Replace it and restart all',
    expiring: 'The trust anchor {{subject}} expires on {{date}}, in {{left}}; then the whole mesh fails. Add a new one',
    stale: 'The trust anchor {{subject}} expired on {{date}}; others hold. Remove it: linkerd check stops there',
    malformed: 'A trust anchor cannot be read: {{problem}}',
  },
  reads: [],
  check: {
    *ConfigMap(map, view) {
      for (const placed of anchorsInConfigMap(map)) yield* judge(placed, view)
    },
    *Secret(secret, view) {
      for (const placed of pemsInSecret(secret, 'anchor')) yield* judge(placed, view)
    },
    *Certificate(certificate, view) {
      const world = view.settings.certificates
      const issued = world && roleOf(certificate) === 'anchor' ? issuedPeriod(certificate, world.reader) : undefined
      if (world === undefined || issued === undefined) return
      const age = ageOf(issued.period, world.nowMs(), view.settings, issued.renewBeforeMs)
      const data = { subject: certificate.name, date: issued.period.notAfter.text, left: age.left }
      const path = ['status', 'notAfter']
      if (age.as === 'expired') yield { message: 'expired', path, data, confidence: 'high' }
      else if (age.as !== 'fine') yield { message: 'expiring', path, data, confidence: 'high', severity: age.as }
    },
  },
})

function* judge(placed: PlacedPem, view: View<never, LinkerdSettings>) {
  for (const verdict of judgeBundle(placed, view.settings)) {
    const { path } = verdict
    const confidence = 'high'
    if (verdict.as === 'malformed')
      yield { message: 'malformed', path, data: { problem: verdict.problem }, confidence } as const
    else if (verdict.as === 'stale') {
      const { subject, notAfter } = verdict.certificate
      yield { message: 'stale', path, data: { subject, date: notAfter.text }, confidence, severity: 'warning' } as const
    } else {
      const { subject, period, age } = verdict
      const data = { subject, date: period.notAfter.text, left: age.left }
      if (age.as === 'expired') yield { message: 'expired', path, data, confidence } as const
      else if (age.as !== 'fine') yield { message: 'expiring', path, data, confidence, severity: age.as } as const
    }
  }
}
