import type { View } from '../core/view.ts'
import type { Resource } from '../k8s/resource.ts'
import { type CallerKind, calledServices } from '../linkerd/certificates/called-service.ts'
import { renewal } from '../linkerd/certificates/cert-manager.ts'
import { ageOf } from '../linkerd/certificates/certificate-age.ts'
import { issuedPeriod, pemsInSecret, roleOf, serviceOf } from '../linkerd/certificates/mesh-certificates.ts'
import { trustIn } from '../linkerd/certificates/service-trust.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type ExpiryView = View<'Certificate' | 'Secret', LinkerdSettings>

export const webhookCertificateExpiring = defineRule({
  id: 'webhook-certificate-expiring',
  severity: 'error',
  judges: 'both',
  summary: "The certificates of Linkerd's webhooks must be renewed before they end.",
  why: `The API server calls Linkerd's injector and validators by TLS, and trusts what \`caBundle\` says. Helm and \`linkerd install\` make a certificate for 365 days, which nothing
renews but the next upgrade. On the day it ends every call fails: with \`failurePolicy: Ignore\`, the default, Pods are created without a proxy and nobody is told; with \`Fail\` no Pod is
created at all.`,
  remediation:
    'Run linkerd upgrade or helm upgrade, which make new certificates, or let cert-manager renew them; then restart nothing: the servers reload.',
  limits: `From 30 days before the end it warns, from 7 days it is an error; \`linkerd.certificateWarningDays\` and \`linkerd.certificateErrorDays\` say otherwise. What lives shorter is
renewed by a machine and has a shorter window: three tenths of its life, a thirtieth of a life of a week or less, or nine tenths of its Certificate's \`renewBefore\`. Of a \`caBundle\` whose
server nobody has looked at, the certificate that lives longest counts: others may be left over from a rotation.`,
  sources: [
    'https://linkerd.io/2/tasks/rotating_webhooks_certificates/',
    'https://linkerd.io/2/checks/#l5d-proxy-injector-webhook-cert-not-expiring-soon',
    'linkerd2 charts/linkerd-control-plane/templates/proxy-injector-rbac.yaml (edge-26.8)',
  ],
  messages: {
    expired: '{{what}} expired on {{date}}: the API server cannot call it. {{how}}',
    expiring: '{{what}} expires on {{date}}, in {{left}}. {{how}}',
  },
  reads: ['Certificate', 'Secret'],
  check: {
    APIService: judgeCaller,
    MutatingWebhookConfiguration: judgeCaller,
    ValidatingWebhookConfiguration: judgeCaller,
    *Secret(secret, view) {
      const world = view.settings.certificates
      const service = serviceOf(secret.name)
      if (world === undefined || service === undefined) return
      for (const { pem, path } of pemsInSecret(secret, 'serving')) {
        const [leaf] = pem === undefined ? [] : world.reader.read(pem).certificates
        if (leaf === undefined) continue
        const age = ageOf(leaf, world.nowMs(), view.settings)
        if (age.as === 'fine') continue
        const data = {
          what: `The certificate of ${service}`,
          date: leaf.notAfter.text,
          left: age.left,
          how: renewal(view, secret.namespace, secret.name),
        }
        yield report(age.as, path, data)
      }
    },
    *Certificate(certificate, view) {
      const world = view.settings.certificates
      if (world === undefined || roleOf(certificate) !== 'serving') return
      const issued = issuedPeriod(certificate, world.reader)
      if (issued === undefined) return
      const age = ageOf(issued.period, world.nowMs(), view.settings, issued.renewBeforeMs)
      if (age.as === 'fine') return
      const data = {
        what: `The certificate of ${serviceOf(certificate.spec.secretName ?? '')}`,
        date: issued.period.notAfter.text,
        left: age.left,
        how: renewal(view, certificate.namespace, certificate.spec.secretName ?? ''),
      }
      yield report(age.as, ['status', 'notAfter'], data)
    },
  },
})

function* judgeCaller(subject: Resource<CallerKind>, view: ExpiryView) {
  for (const called of calledServices(subject)) {
    const found = trustIn(called, view)
    if (!found?.limit || !found.age || found.age.as === 'fine') continue
    const { limit, leaf, bundle } = found
    const { service, namespace, secret } = called
    const inBundle = bundle.certificates.some(({ sha256 }) => sha256 === limit.sha256)
    // A Secret in the files is judged where it stands.
    if (leaf?.from === 'secret' && leaf.certificate?.sha256 === limit.sha256 && !inBundle) continue
    const data = {
      what: leaf && !inBundle ? `The certificate of ${service}` : `The caBundle of ${service}`,
      date: limit.notAfter.text,
      left: found.age.left,
      how: renewal(view, namespace, secret),
    }
    yield report(found.age.as, called.path, data)
  }
}

type Data = Readonly<Record<'what' | 'date' | 'left' | 'how', string>>

function report(as: 'expired' | 'error' | 'warning', path: readonly (string | number)[], data: Data) {
  return as === 'expired'
    ? ({ message: 'expired', path, data, confidence: 'high', severity: 'error' } as const)
    : ({ message: 'expiring', path, data, confidence: 'high', severity: as } as const)
}
