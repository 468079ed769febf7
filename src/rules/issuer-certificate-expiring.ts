import { ageOf } from '../linkerd/certificates/certificate-age.ts'
import { judgeBundle } from '../linkerd/certificates/mesh-certificate-age.ts'
import { issuedPeriod, pemsInSecret, roleOf } from '../linkerd/certificates/mesh-certificates.ts'
import { defineRule } from '../linkerd/rule.ts'

export const issuerCertificateExpiring = defineRule({
  id: 'issuer-certificate-expiring',
  severity: 'error',
  judges: 'both',
  summary: "The certificate of Linkerd's identity issuer must be renewed before it ends.",
  why: `linkerd-identity signs every proxy's certificate, for 24 hours, with its issuer. When the issuer ends, proxies get no new certificate: new Pods never become ready, and within a day the running ones lose
mTLS one after the other.`,
  remediation:
    'Issue a new linkerd-identity-issuer from the trust anchor: cert-manager does so by itself, otherwise step certificate create and linkerd upgrade --identity-issuer-certificate-file.',
  limits:
    "What lives a week or less is only late when it is late: it has a window of a thirtieth of its life, or nine tenths of its Certificate's `renewBefore`. Secrets are only judged in files; in a cluster, cert-manager's Certificate says when it ends.",
  sources: [
    'https://linkerd.io/2/tasks/manually-rotating-control-plane-tls-credentials/',
    'https://linkerd.io/2/checks/#l5d-identity-issuer-cert-not-expiring-soon',
    'linkerd2 pkg/issuercerts/issuercerts.go (edge-26.8)',
  ],
  messages: {
    expired: 'The identity issuer expired on {{date}}: no proxy gets a certificate. Issue linkerd-identity-issuer anew',
    expiring: 'The identity issuer expires on {{date}}, in {{left}}. Issue linkerd-identity-issuer anew',
    malformed: 'The identity issuer cannot be read: {{problem}}',
  },
  reads: [],
  check: {
    *Secret(secret, view) {
      for (const placed of pemsInSecret(secret, 'issuer'))
        for (const verdict of judgeBundle(placed, view.settings)) {
          const { path } = verdict
          if (verdict.as === 'malformed')
            yield { message: 'malformed', path, data: { problem: verdict.problem }, confidence: 'high' }
          else if (verdict.as === 'old') {
            const { age, period } = verdict
            const data = { date: period.notAfter.text, left: age.left }
            if (age.as === 'expired') yield { message: 'expired', path, data, confidence: 'high' }
            else if (age.as !== 'fine') yield { message: 'expiring', path, data, confidence: 'high', severity: age.as }
          }
        }
    },
    *Certificate(certificate, view) {
      const world = view.settings.certificates
      const issued = world && roleOf(certificate) === 'issuer' ? issuedPeriod(certificate, world.reader) : undefined
      if (world === undefined || issued === undefined) return
      const age = ageOf(issued.period, world.nowMs(), view.settings, issued.renewBeforeMs)
      const data = { date: issued.period.notAfter.text, left: age.left }
      const path = ['status', 'notAfter']
      if (age.as === 'expired') yield { message: 'expired', path, data, confidence: 'high' }
      else if (age.as !== 'fine') yield { message: 'expiring', path, data, confidence: 'high', severity: age.as }
    },
  },
})
