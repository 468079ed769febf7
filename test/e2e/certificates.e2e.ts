import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createCertificateReader } from '../../src/pki/certificate-reader.ts'
import { probeCertificate } from '../../src/pki/probe-certificate.ts'
import { brokenBundles, type Case, dnsName, makeCases, unseen } from '../pki/chains.ts'
import { create } from './apply.ts'
import { startCluster } from './cluster.ts'
import { skipWithout } from './kit.ts'
import { leadsToLoopback } from './manifests.ts'
import { until } from './until.ts'

/*
 * A webhook either works or it does not: the API server's own verdict on each chain, on the TLS path of a Service, against
 * ours. MESHGATE_KIT_BIN names a folder with etcd, kube-apiserver and kubectl.
 */

const skip = skipWithout('etcd, kube-apiserver and kubectl')

const label = 'case'

t.test('certificates of a webhook, before a real API server', { skip, timeout: 300_000 }, async (t) => {
  const cluster = await startCluster()
  const servers: Server[] = []
  t.teardown(async () => {
    for (const server of servers) server.close().closeAllConnections()
    await cluster.stop()
  })
  const [service = '', namespace = ''] = dnsName.split('.')
  t.equal((await cluster.kubectl(['create', 'namespace', namespace])).status, 0)
  await create(cluster, leadsToLoopback(namespace, service))

  const now = new Date()
  const cases = makeCases(now)
  const ports: number[] = []
  for (const one of cases) {
    const server = serve(one)
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ports.push((server.address() as AddressInfo).port)
  }
  const configuration = (i: number | string, port: number, bundle: string) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: `case-${i}` },
    webhooks: [
      {
        name: `case-${i}.example.dev`,
        clientConfig: { service: { name: service, namespace, port }, caBundle: Buffer.from(bundle).toString('base64') },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
        objectSelector: { matchLabels: { [label]: String(i) } },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 10,
      },
    ],
  })
  const call = (i: number | string) =>
    cluster.kubectl(
      ['create', '--dry-run=server', '-f', '-'],
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `case-${i}`, labels: { [label]: String(i) } },
      }),
    )
  // In force when it answers: with words of our server's, or of TLS.
  const verdictOn = async (i: number | string) => {
    let stderr = ''
    await until(`the webhook of case ${i}`, async () => {
      ;({ stderr } = await call(i))
      return /denied the request: called|failed calling webhook/.test(stderr)
    })
    return stderr
  }

  const configurations = cases.map(({ bundle }, i) => configuration(i, ports[i] ?? 0, bundle))
  await create(cluster, ...configurations)
  await t.test('it agrees with the API server on every chain', async (t) => {
    const reader = createCertificateReader()
    for (const [i, { what, chain, bundle, expected }] of cases.entries()) {
      const stderr = await verdictOn(i)
      const ours = reader.judge({ chain, roots: bundle, dnsName, atMs: Date.now() })
      t.equal(ours.trusted ? 'trusted' : ours.reason, expected, what)
      t.equal(/denied the request: called/.test(stderr), ours.trusted, `${what}: ${stderr.trim()}`)
      if (what === unseen) continue
      const target = { service, namespace, dnsName, host: '127.0.0.1', port: ports[i] ?? 0 }
      const seen = await probeCertificate(target, 5000)
      const bySight = reader.judge({ chain: seen.chain, roots: bundle, dnsName, atMs: Date.now() })
      t.equal(
        bySight.trusted,
        ours.trusted,
        `${what}: by a handshake${seen.error === undefined ? '' : `: ${seen.error}`}`,
      )
    }
  })

  await t.test('it reads nothing where the API server reads nothing', async (t) => {
    const reader = createCertificateReader()
    const [first] = ports
    for (const [i, [what, bundle]] of brokenBundles(now).entries()) {
      const name = `broken-${i}`
      await create(cluster, configuration(name, first ?? 0, bundle))
      const stderr = await verdictOn(name)
      t.match(
        stderr,
        /failed calling webhook.*(?:unable to load root certificates|certificate signed by unknown)/s,
        `${what}: ${stderr.trim()}`,
      )
      t.same(reader.read(bundle).certificates, [], what)
    }
  })
})

/** A webhook that denies everything: that it was heard is what counts. Any key will do for it. */
function serve({ chain, key }: Case): Server {
  const tls = { cert: chain, key, minVersion: 'TLSv1.3', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  return createServer(tls, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { uid } = JSON.parse(Buffer.concat(chunks).toString()).request
      const answer = { uid, allowed: false, status: { code: 403, message: 'called' } }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }))
    })
  })
}
