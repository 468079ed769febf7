import type { View } from '../core/view.ts'
import { secretText } from '../k8s/base64.ts'
import { isUnresolved } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import { type CallerKind, calledServices } from '../linkerd/certificates/called-service.ts'
import { renewal } from '../linkerd/certificates/cert-manager.ts'
import { pemsInSecret, serviceOf } from '../linkerd/certificates/mesh-certificates.ts'
import { distrustOf, trustIn } from '../linkerd/certificates/service-trust.ts'
import { defineRule } from '../linkerd/rule.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type UntrustedView = View<'Certificate' | 'Secret', LinkerdSettings>

export const webhookCertificateUntrusted = defineRule({
  id: 'webhook-certificate-untrusted',
  severity: 'error',
  judges: 'both',
  summary: "The API server must be able to verify the certificates of Linkerd's webhooks.",
  why: `The API server believes a webhook only when its certificate leads to one in \`caBundle\`, is for \`<service>.<namespace>.svc\` and is for servers. After a partial GitOps sync, a
render that made a new certificate for only one of Secret and webhook, or a rotation that stopped half way, it no longer does. The error stands in the API server's log alone
(\`x509: certificate signed by unknown authority\`); with \`failurePolicy: Ignore\` every Pod is then created without a proxy.`,
  remediation:
    'Render Secret and webhook together, or let cert-manager write both: externalSecret: true and injectCaFrom with the name of the Certificate. dnsNames must hold <service>.<namespace>.svc.',
  limits: `Chains are judged as Go's crypto/x509 judges them, whatever the algorithm: every way through a bundle of several certificates is tried, the common name does not count, SHA-1 does
not count, and a certificate that is itself in the bundle needs no CA. Where neither the Secret nor the server is at hand, only the bundle can be judged. A missing \`caBundle\` may be filled in by
something we do not know, so it has medium confidence; so has an unknown authority behind served intermediates, since a handshake
shows only one of two intermediates of the same name. Of a Secret's key it is only asked whether it belongs to the certificate, and only in \`check\`.`,
  sources: [
    'https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/',
    'https://linkerd.io/2/checks/#l5d-proxy-injector-webhook-cert-valid',
    'Go crypto/x509 verify.go (1.26)',
  ],
  messages: {
    malformed: 'The caBundle of {{service}} holds no readable certificate: {{problem}}. Put PEM there, in base64',
    'partly-unreadable': 'The caBundle of {{service}} is partly unreadable, and passed over there: {{problem}}',
    'no-bundle':
      '{{service}} has no caBundle and no cert-manager.io/inject-ca-from: the API server cannot verify it. Add one',
    'wrong-name': 'The certificate of {{service}} is for {{names}}. Issue it with dnsNames: [{{dnsName}}]',
    untrusted: 'The API server cannot verify {{service}}: {{reason}}. {{how}}',
    'malformed-certificate': 'The certificate of {{service}} cannot be read: {{problem}}',
    'key-mismatch': 'tls.key does not belong to tls.crt: {{service}} cannot serve with them. Issue both together',
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
        const { certificates, problems } = pem === undefined ? misencoded : world.reader.read(pem)
        const [leaf] = certificates
        const [problem] = problems
        if (problem !== undefined || leaf === undefined || pem === undefined) {
          const data = { service, problem: problem ?? '' }
          yield { message: 'malformed-certificate', path, data, confidence: 'high' }
          continue
        }
        const dnsName = `${service}.${secret.namespace}.svc`
        const trust = world.reader.judge({ chain: pem, roots: pem, dnsName, atMs: leaf.notBefore.ms })
        if (!trust.trusted && trust.reason === 'name') {
          const data = { service, names: inWords(leaf.dnsNames), dnsName }
          yield { message: 'wrong-name', path, data, confidence: 'high' }
        }
        if (view.stage !== 'declared') continue
        const key = secretText(secret, 'tls.key')
        if (key?.text === undefined || isUnresolved(key.text)) continue
        if (world.reader.isKeyOf(pem, key.text) === 'no')
          yield { message: 'key-mismatch', path: key.path, data: { service }, confidence: 'high' }
      }
    },
  },
})

const misencoded = { certificates: [], problems: ['it is not base64'] } as const

function inWords(dnsNames: readonly string[]): string {
  return dnsNames.length === 0 ? 'no DNS name' : dnsNames.slice(0, 3).join(', ')
}

/** Go's words without what it says of every failure: what it suspects, where that is more than a bad signature. */
function shortReason(text: string): string {
  const [, suspicion = ''] = /possibly because of "(.*)"/.exec(text) ?? []
  const reason = /insecure|unimplemented|parent certificate/.test(suspicion)
    ? suspicion
    : text.replace(/ \(possibly.*/, '')
  return reason.replaceAll('x509: ', '')
}

function* judgeCaller(subject: Resource<CallerKind>, view: UntrustedView) {
  for (const called of calledServices(subject)) {
    const { service, namespace, secret, dnsName, path } = called
    const confidence = 'high'
    if (called.misencoded) {
      yield { message: 'malformed', path, data: { service, problem: 'it is not base64' }, confidence } as const
      continue
    }
    if (called.bundle === undefined) {
      if (called.injectedFrom === undefined)
        yield { message: 'no-bundle', path, data: { service }, confidence: 'medium' } as const
      continue
    }
    const found = trustIn(called, view)
    if (found === undefined) continue
    const distrust = distrustOf(found)
    const [problem] = found.bundle.problems
    if (found.bundle.certificates.length === 0) {
      yield { message: 'malformed', path, data: { service, problem: problem ?? '' }, confidence } as const
      continue
    }
    if (problem !== undefined)
      yield { message: 'partly-unreadable', path, data: { service, problem }, confidence, severity: 'warning' } as const
    if (distrust === undefined) continue
    const { leaf } = found
    // A Secret in the files is judged where it stands.
    if (leaf?.from === 'secret' && (distrust.reason === 'name' || distrust.reason === 'malformed')) continue
    if (distrust.reason === 'name') {
      const data = { service, names: inWords(leaf?.certificate?.dnsNames ?? []), dnsName }
      yield { message: 'wrong-name', path, data, confidence } as const
    } else {
      const data = { service, reason: shortReason(distrust.text), how: renewal(view, namespace, secret) }
      yield { message: 'untrusted', path, data, confidence: found.sure ? 'high' : 'medium' } as const
    }
  }
}
