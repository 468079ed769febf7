import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createStore } from '../../src/core/store.ts'
import { viewOf } from '../../src/core/view.ts'
import { readResource } from '../../src/k8s/resource.ts'
import { certificateGauges } from '../../src/linkerd/certificate-gauges.ts'
import { injectorTrouble } from '../../src/linkerd/injector-trouble.ts'
import { defaultSettings } from '../../src/linkerd/settings.ts'
import { createCertificateWorld } from '../../src/pki/certificate-world.ts'
import { watchCertificates } from '../../src/pki/watch-certificates.ts'
import { type Issued, issue, makeKeys } from '../pki/issue.ts'
import { type Cluster, startCluster, until } from './cluster.ts'

/*
 * The story behind it all, on a real API server: the injector's certificate goes wrong, failurePolicy is Ignore, and Pods are
 * created as if there were no injector. The injector is a stand-in that marks Pods; what its configuration says is read from
 * the cluster, what it serves is seen by a handshake.
 */

const bin = process.env['MESHGATE_KIT_BIN']
const skip = bin === undefined ? 'set MESHGATE_KIT_BIN to a folder with etcd, kube-apiserver and kubectl' : false

const service = 'linkerd-proxy-injector'
const namespace = 'linkerd'
const configuration = 'linkerd-proxy-injector-webhook-config'
const mark = 'stand-in.example.dev/injected'

t.test("it sees why the API server goes on without Linkerd's injector", { skip, timeout: 300_000 }, async (t) => {
  const cluster = await startCluster(bin ?? '')
  const day = (days: number) => new Date(Date.now() + days * 24 * 3600 * 1000).toISOString()
  const valid = { notBefore: day(-10), notAfter: day(90) }
  const authority = (kind: 'p256' | 'rsa' = 'p256') =>
    issue({ subject: 'webhook', ca: true, keys: makeKeys(kind), ...valid })
  const leafOf = (by: Issued, more: object = {}) =>
    issue({ subject: 'leaf', by, dnsNames: [`${service}.${namespace}.svc`], ...valid, ...more })
  const ca = authority()
  const server = standIn(leafOf(ca))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  t.teardown(async () => {
    server.close().closeAllConnections()
    await cluster.stop()
  })
  await create(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  await create(cluster, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: service, namespace },
    spec: { type: 'ExternalName', externalName: '127.0.0.1' },
  })
  await create(cluster, webhookConfiguration(port, ca.pem))

  const store = createStore()
  const certificates = createCertificateWorld(() => Date.now())
  const settings = { ...defaultSettings, certificates }
  const watch = watchCertificates({
    snapshot: store.snapshot,
    sink: certificates.put,
    resolve: () => ({ host: '127.0.0.1', port }),
  })
  t.teardown(() => watch.stop())
  /** What the cluster says now, and what a look adds. */
  const look = async () => {
    const { stdout } = await cluster.kubectl(['get', 'mutatingwebhookconfiguration', configuration, '-o', 'json'])
    const read = readResource(JSON.parse(stdout))
    if (read.as !== 'resource') throw new Error(read.as)
    store.replace('MutatingWebhookConfiguration', [read.resource])
    await watch.look()
    const view = viewOf(store.snapshot, ['Certificate', 'MutatingWebhookConfiguration', 'Secret'], settings, 'admitted')
    const [gauge] = certificateGauges(store.snapshot, settings)
    return { trouble: injectorTrouble(view)?.text, gauge }
  }
  const isInjected = async () => {
    const pod = { containers: [{ name: 'web', image: 'example/web' }] }
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: pod }
    const args = ['create', '--dry-run=server', '-o', 'json', '-f', '-']
    const { stdout, stderr, status } = await cluster.kubectl(args, JSON.stringify(object))
    if (status !== 0) throw new Error(stderr)
    t.equal(stderr, '', 'nobody is told')
    return JSON.parse(stdout).metadata.annotations?.[mark] === 'true'
  }
  const becomes = (injected: boolean) =>
    until(
      injected ? 'injection' : 'the failure of injection',
      () => true,
      async () => {
        // The API server keeps connections, and would not notice another certificate.
        server.closeAllConnections()
        return (await isInjected()) === injected
      },
    )
  const trust = async (bundle: string) => {
    const value = Buffer.from(bundle).toString('base64')
    const patch = [{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value }]
    const args = ['patch', 'mutatingwebhookconfiguration', configuration, '--type=json', '-p', JSON.stringify(patch)]
    const { status, stderr } = await cluster.kubectl(args)
    if (status !== 0) throw new Error(stderr)
  }
  const serve = ({ pem, key }: Issued) => server.setSecureContext({ cert: pem, key })
  const healthy = { trouble: undefined, gauge: { trusted: 1, answers: 1 } }

  await becomes(true)
  t.match(await look(), healthy, 'all is well')

  const ended = day(-1)
  serve(leafOf(ca, { notAfter: ended }))
  await becomes(false)
  t.match(await look(), {
    trouble: `the certificate of ${service} expired on ${ended.slice(0, 10)}`,
    gauge: { trusted: 0, answers: 1 },
  })
  serve(leafOf(ca))
  await becomes(true)
  t.match(await look(), healthy, 'renewed')

  const next = authority('rsa')
  serve(leafOf(next))
  await becomes(false)
  t.match(await look(), { trouble: /unknown authority/, gauge: { trusted: 0, answers: 1 } })
  await trust(ca.pem + next.pem)
  await becomes(true)
  t.match(await look(), healthy, 'a bundle of several certificates')

  await trust(next.pem.replaceAll(/^/gm, '  '))
  await becomes(false)
  t.match(await look(), { trouble: /holds no readable certificate/, gauge: { trusted: 0, daysLeft: undefined } })
  await trust(next.pem)
  await becomes(true)
  t.match(await look(), healthy, 'repaired')

  server.close().closeAllConnections()
  await becomes(false)
  t.match(await look(), { trouble: /does not answer \(ECONNREFUSED\)/, gauge: { answers: 0 } })
})

async function create(cluster: Cluster, object: object): Promise<void> {
  const { status, stderr } = await cluster.kubectl(['create', '-f', '-'], JSON.stringify(object))
  if (status !== 0) throw new Error(stderr)
}

/** As Linkerd's chart renders it, without the selectors. */
function webhookConfiguration(port: number, bundle: string): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: configuration },
    webhooks: [
      {
        name: `${service}.linkerd.io`,
        clientConfig: { service: { name: service, namespace, port }, caBundle: Buffer.from(bundle).toString('base64') },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        failurePolicy: 'Ignore',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  }
}

/** A stand-in for the injector: it marks the Pods it was asked about. */
function standIn({ pem, key }: Issued): Server {
  return createServer({ cert: pem, key, minVersion: 'TLSv1.3' }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { uid } = JSON.parse(Buffer.concat(chunks).toString()).request
      const patch = Buffer.from(
        JSON.stringify([{ op: 'add', path: '/metadata/annotations', value: { [mark]: 'true' } }]),
      )
      const answer = { uid, allowed: true, patchType: 'JSONPatch', patch: patch.toString('base64') }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }))
    })
  })
}
