import t from 'tap'
import { analyse } from '../../src/core/analyse.ts'
import { snapshotOf } from '../../src/core/snapshot.ts'
import type { Resource } from '../../src/k8s/resource.ts'
import { defaultSettings, type LinkerdSettings } from '../../src/linkerd/settings.ts'
import { createCertificateWorld } from '../../src/pki/certificate-world.ts'
import { podNotInjected } from '../../src/rules/pod-not-injected.ts'
import { namespace, pod, resource } from '../linkerd/world.ts'

const webhook = resource('MutatingWebhookConfiguration', {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: { name: 'injector-config' },
  webhooks: [
    {
      name: 'linkerd-proxy-injector.linkerd.io',
      failurePolicy: 'Ignore',
      clientConfig: { service: { name: 'linkerd-proxy-injector', namespace: 'linkerd' } },
      rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
    },
  ],
})

const service = resource('Service', {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'linkerd-proxy-injector', namespace: 'linkerd' },
  spec: { selector: { app: 'injector' }, ports: [{ port: 443 }] },
})

function injector(ready: 'True' | 'False'): Resource<'Pod'> {
  return resource('Pod', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'injector-1', namespace: 'linkerd', labels: { app: 'injector' } },
    spec: { containers: [{ name: 'injector' }] },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  })
}

/** What is said of a Pod that was admitted without its proxy, in a cluster with these objects. */
function said(others: readonly Resource[], settings: Partial<LinkerdSettings> = {}): string {
  const subject = pod('web-1', { namespace: 'shop' })
  const { findings } = analyse({
    subjects: [subject],
    snapshot: snapshotOf([subject, namespace('shop', 'enabled'), ...others], 'cluster'),
    rules: [podNotInjected],
    settings: { ...defaultSettings, ...settings },
    stage: 'admitted',
  })
  return findings.map(({ message, text }) => `${message}: ${text}`).join('\n')
}

t.test('it names the cause where it is known', async (t) => {
  t.match(
    said([]),
    /^excluded: .* no MutatingWebhookConfiguration here has the webhook of Linkerd's injector\. Install/,
  )
  t.match(
    said([webhook]),
    /^injector-failed: No Linkerd proxy: the injector's Service linkerd\/linkerd-proxy-injector does not exist\. .*\(injector-config\); with failurePolicy Ignore/,
  )
  t.match(said([webhook, service]), /no Pod is behind the injector's Service linkerd\/linkerd-proxy-injector\./)
  t.match(
    said([webhook, service, injector('False')]),
    /no Pod behind the injector's Service linkerd\/linkerd-proxy-injector is ready/,
  )
  const elsewhere = resource('Service', { ...service.wire, spec: { type: 'ExternalName', externalName: 'a.example' } })
  t.match(said([webhook, elsewhere]), /^not-injected: /, 'nobody knows who is behind a Service without a selector')
  t.match(
    said([webhook, service, injector('True')]),
    /^not-injected: Pod shop\/web-1 has no Linkerd proxy: run linkerd check\./,
  )
})

t.test('it names what is wrong with the certificate', async (t) => {
  const certificates = createCertificateWorld(() => Date.parse('2026-06-01T00:00:00Z'))
  const [entry] = webhook.spec.webhooks ?? []
  const clientConfig = { ...entry?.clientConfig, caBundle: Buffer.from('no certificate').toString('base64') }
  const spoilt = resource('MutatingWebhookConfiguration', {
    ...webhook.wire,
    webhooks: [{ ...entry, clientConfig }],
  })
  t.match(
    said([spoilt, service, injector('True')], { certificates }),
    /^injector-failed: No Linkerd proxy: the caBundle of linkerd-proxy-injector holds no readable certificate\. Pod shop\/web-1 would .*Ignore such Pods are admitted as they are/,
  )
})
