import t from 'tap'
import { snapshotOf } from '../../../src/core/snapshot.ts'
import { viewOf } from '../../../src/core/view.ts'
import { type Resource, readResource } from '../../../src/k8s/resource.ts'
import type { ServedCertificate } from '../../../src/linkerd/certificates/certificate.ts'
import { anchorGauge, calledIn, certificateGauges } from '../../../src/linkerd/certificates/certificate-gauges.ts'
import { injectorTrouble } from '../../../src/linkerd/certificates/injector-trouble.ts'
import { defaultSettings, type LinkerdSettings } from '../../../src/linkerd/settings.ts'
import { createCertificateWorld } from '../../../src/pki/certificate-world.ts'
import { issue } from '../../pki/issue.ts'

const nowMs = Date.parse('2026-06-01T00:00:00Z')
const dnsName = 'linkerd-proxy-injector.linkerd.svc'

function read(object: object): Resource {
  const found = readResource(object)
  if (found.as !== 'resource') throw new Error(found.as)
  return found.resource
}

const webhook = (bundle: string, service = 'linkerd-proxy-injector') =>
  read({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: `${service}-webhook-config` },
    webhooks: [
      {
        name: `${service}.linkerd.io`,
        clientConfig: {
          service: { name: service, namespace: 'linkerd' },
          caBundle: Buffer.from(bundle).toString('base64'),
        },
        failurePolicy: 'Ignore',
      },
    ],
  })

const secret = (pem: string) =>
  read({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'linkerd-proxy-injector-k8s-tls', namespace: 'linkerd' },
    stringData: { 'tls.crt': pem },
  })

const settingsWith = (served: readonly ServedCertificate[]): LinkerdSettings => {
  const certificates = createCertificateWorld(() => nowMs)
  certificates.put(served)
  return { ...defaultSettings, certificates }
}

const served = (chain: string, error?: string): ServedCertificate => ({
  service: 'linkerd-proxy-injector',
  namespace: 'linkerd',
  chain,
  ...(error === undefined ? {} : { error }),
})

const trouble = (resources: readonly Resource[], settings: LinkerdSettings) =>
  injectorTrouble(
    viewOf(
      snapshotOf(resources, 'cluster'),
      ['Certificate', 'MutatingWebhookConfiguration', 'Secret'],
      settings,
      'admitted',
    ),
  )

const ca = issue({ subject: 'ca', ca: true })
const good = issue({ subject: 'leaf', by: ca, dnsNames: [dnsName] })
const expired = issue({
  subject: 'leaf',
  by: ca,
  dnsNames: [dnsName],
  notBefore: '2025-05-01T00:00:00Z',
  notAfter: '2026-05-01T00:00:00Z',
})
const alien = issue({ subject: 'leaf', by: issue({ subject: 'ca', ca: true }), dnsNames: [dnsName] })

t.test('it knows why the injector cannot be called', async (t) => {
  const rows: readonly (readonly [
    what: string,
    resources: readonly Resource[],
    served: readonly ServedCertificate[],
    text: string | undefined,
  ])[] = [
    ['nothing is known of the server', [webhook(ca.pem)], [], undefined],
    ['it serves what the bundle trusts', [webhook(ca.pem)], [served(good.pem)], undefined],
    [
      'it serves an expired one',
      [webhook(ca.pem)],
      [served(expired.pem)],
      'the certificate of linkerd-proxy-injector expired on 2026-05-01',
    ],
    [
      'the Secret was renewed, and the old one is still served',
      [webhook(ca.pem), secret(good.pem)],
      [served(expired.pem)],
      'the certificate of linkerd-proxy-injector expired on 2026-05-01',
    ],
    [
      'it serves another authority',
      [webhook(ca.pem)],
      [served(alien.pem)],
      'linkerd-proxy-injector cannot be verified (its certificate is of an unknown authority)',
    ],
    [
      'the bundle is no PEM',
      [webhook('x')],
      [served(good.pem)],
      'the caBundle of linkerd-proxy-injector holds no readable certificate',
    ],
    [
      'it is down',
      [webhook(ca.pem)],
      [served('', 'ECONNREFUSED')],
      'linkerd-proxy-injector does not answer (ECONNREFUSED)',
    ],
    [
      'it sends what is no certificate',
      [webhook(ca.pem)],
      [served('x')],
      'linkerd-proxy-injector cannot be verified (its certificate cannot be read)',
    ],
    ['another webhook is broken', [webhook('x', 'linkerd-sp-validator')], [], undefined],
    ['there is no webhook', [], [], undefined],
  ]
  for (const [what, resources, looked, text] of rows)
    t.equal(trouble(resources, settingsWith(looked))?.text, text, what)
  t.equal(trouble([webhook('x')], defaultSettings), undefined, 'nobody reads certificates')
})

t.test('it is sure of what it has seen, and not of what it could not reach', async (t) => {
  t.equal(trouble([webhook(ca.pem)], settingsWith([served(expired.pem)]))?.sure, true)
  t.equal(trouble([webhook(ca.pem)], settingsWith([served('', 'ETIMEDOUT')]))?.sure, false)
  t.equal(trouble([webhook(ca.pem)], settingsWith([served(alien.pem)]))?.sure, true)
  // Of two issuers of one name, a look shows one.
  t.equal(trouble([webhook(ca.pem)], settingsWith([served(alien.pem + alien.pem)]))?.sure, false)
})

t.test('it measures every Service that the API server calls, once', async (t) => {
  const validator = webhook(alien.pem, 'linkerd-sp-validator')
  const snapshot = snapshotOf([webhook(ca.pem), webhook(ca.pem), validator], 'cluster')
  t.same(
    calledIn(snapshot).map(({ dnsName: name, port }) => `${name}:${port}`),
    [`${dnsName}:443`, 'linkerd-sp-validator.linkerd.svc:443'],
  )
  const gauges = certificateGauges(snapshot, settingsWith([served(expired.pem)]))
  t.same(gauges, [
    { service: 'linkerd-proxy-injector', namespace: 'linkerd', daysLeft: -31, trusted: 0, answers: 1 },
    // Its bundle is a leaf for another name.
    { service: 'linkerd-sp-validator', namespace: 'linkerd', daysLeft: undefined, trusted: 0, answers: undefined },
  ])
  const [renewed] = certificateGauges(snapshot, settingsWith([served(good.pem)]))
  t.match(renewed, { trusted: 1, answers: 1 })
  t.ok((renewed?.daysLeft ?? 0) > 30_000)
  t.same(certificateGauges(snapshot, defaultSettings), [])
})

t.test('it measures the trust anchors, of which the last decides', async (t) => {
  const settings = settingsWith([])
  const anchor = (notAfter: string) => issue({ subject: 'root', ca: true, notAfter }).pem
  const [old, near, far] = [
    anchor('2026-05-01T00:00:00Z'),
    anchor('2026-06-03T12:00:00Z'),
    anchor('2026-07-01T00:00:00Z'),
  ]
  const states = (good: number, expired: number, unreadable: number) => ({ good, expired, unreadable })
  t.same(anchorGauge(old + far + near, settings), { namespace: 'linkerd', daysLeft: 30, states: states(2, 1, 0) })
  t.same(anchorGauge(old, settings), { namespace: 'linkerd', daysLeft: -31, states: states(0, 1, 0) })
  const broken = near.replaceAll(/^M.*$/gm, 'AAAA')
  t.match(anchorGauge(broken, settings), { daysLeft: undefined, states: { good: 0, expired: 0 } })
  t.ok((anchorGauge(broken, settings)?.states.unreadable ?? 0) > 0)
  t.equal(anchorGauge(undefined, settings), undefined, 'they are not known yet')
  t.equal(anchorGauge(far, defaultSettings), undefined, 'nobody reads certificates')
})

t.test('it forgets a look that nobody repeats', async (t) => {
  let now = nowMs
  const world = createCertificateWorld(() => now)
  world.put([served(good.pem)])
  now += 4 * 60_000
  t.equal(world.served().length, 1)
  now += 2 * 60_000
  t.same(world.served(), [])
})
