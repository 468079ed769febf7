import type { View } from '../core/view.ts'
import type { Resource } from '../k8s/resource.ts'
import { type CallerKind, calledServices } from '../linkerd/certificates/called-service.ts'
import { certificateFor, isManaged } from '../linkerd/certificates/cert-manager.ts'
import { type RequestKind, requestDefects } from '../linkerd/certificates/certificate-request.ts'
import { trustIn } from '../linkerd/certificates/service-trust.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type RotationView = View<'Certificate' | 'Secret' | RequestKind, LinkerdSettings>

export const certificateRotationMissing = defineRule({
  id: 'certificate-rotation-missing',
  severity: 'error',
  judges: 'both',
  summary: "Something must renew Linkerd's certificates, and in a form that Linkerd can use.",
  why: `Helm and \`linkerd install\` make the webhooks' certificates for a year and forget them. cert-manager renews them, if its Certificates are right: the name
\`<service>.<namespace>.svc\`, usable by servers, a key that the server can read, and times that cert-manager accepts. A mistake there shows at the next renewal, weeks after the change.`,
  remediation:
    'Let cert-manager renew each certificate: a Certificate for the Secret that the Service serves from, externalSecret: true and injectCaFrom in the Helm values.',
  limits: `A webhook is only reported when its bundle is the one certificate that Helm made, and no Certificate for its Secret is at hand. A Certificate without extended key usages is fine.`,
  sources: [
    'https://linkerd.io/2/tasks/automatically-rotating-webhook-tls-credentials/',
    'https://linkerd.io/2/tasks/automatically-rotating-control-plane-tls-credentials/',
    'linkerd2 pkg/tls/codec.go, pkg/issuercerts/issuercerts.go (edge-26.8); linkerd-kubert kubert/src/server/tls_rustls.rs',
    'cert-manager internal/apis/certmanager/validation/certificate.go (1.21)',
  ],
  messages: {
    unmanaged:
      'Nothing renews the certificate of {{service}} (until {{date}}). Let cert-manager do it: externalSecret and injectCaFrom',
    name: 'The API server calls {{service}} as {{dnsName}}. Add this to dnsNames',
    namespace:
      '{{service}} runs in {{home}} and does not see a Secret in {{namespace}}. Move the Certificate to {{home}}',
    usage: "Without 'server auth' among its usages, nobody accepts this certificate from {{service}}. Add it",
    key: '{{service}} cannot use a key of {{key}}. Set privateKey to {{wanted}}',
    ca: '{{service}} serves this certificate and signs nothing with it. Set isCA: false',
    'no-ca': "{{secret}} signs the proxies' certificates, so it must be a CA. Set isCA: true",
    duration: 'cert-manager does not renew this: {{why}}',
    issuer: '{{issuer}} cannot keep this certificate trusted: {{why}}',
  },
  reads: [
    'Certificate',
    'ClusterIssuer',
    'Issuer',
    'MutatingWebhookConfiguration',
    'Secret',
    'ValidatingWebhookConfiguration',
  ],
  check: {
    APIService: judgeCaller,
    MutatingWebhookConfiguration: judgeCaller,
    ValidatingWebhookConfiguration: judgeCaller,
    *Certificate(certificate, view) {
      for (const { as, path, severity, data } of requestDefects(certificate, view))
        yield { message: as, path, severity, data: { ...blank, ...data }, confidence: 'high' }
    },
  },
})

/** Each defect fills the slots of its own message. */
const blank = {
  service: '',
  dnsName: '',
  home: '',
  namespace: '',
  key: '',
  wanted: '',
  secret: '',
  why: '',
  issuer: '',
}

function* judgeCaller(subject: Resource<CallerKind>, view: RotationView) {
  for (const called of calledServices(subject)) {
    if (called.injectedFrom !== undefined) continue
    const { namespace, service, path } = called
    const [only, ...others] = trustIn(called, view)?.bundle.certificates ?? []
    if (only === undefined || others.length > 0 || only.isCa) continue
    if (certificateFor(view, namespace, called.secret)) continue
    if (view.inNamespace('Secret', namespace).some((one) => one.name === called.secret && isManaged(one))) continue
    const data = { service, date: only.notAfter.text }
    yield { message: 'unmanaged', path, data, confidence: 'high', severity: 'warning' } as const
  }
}
