import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { createServer, type TlsOptions } from 'node:tls'
import t from 'tap'
import { createStore } from '../../src/core/store.ts'
import { readResource } from '../../src/k8s/resource.ts'
import type { ServedCertificate } from '../../src/linkerd/certificates/certificate.ts'
import { createCertificateReader } from '../../src/pki/certificate-reader.ts'
import { probeCertificate } from '../../src/pki/probe-certificate.ts'
import { watchCertificates } from '../../src/pki/watch-certificates.ts'
import { issue, makeKeys } from './issue.ts'

const dnsName = 'linkerd-proxy-injector.linkerd.svc'
const ca = issue({ subject: 'ca', ca: true })
const middle = issue({ subject: 'middle', by: ca, ca: true })
const leaf = issue({ subject: 'leaf', by: middle, dnsNames: [dnsName] })

type Teardown = Pick<typeof t, 'teardown'>

async function listen(server: Server, t: Teardown): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

const serve = (options: TlsOptions, t: Teardown) =>
  listen(
    createServer({ minVersion: 'TLSv1.3', ...options }, (socket) => socket.on('error', () => undefined)).on(
      'tlsClientError',
      () => undefined,
    ),
    t,
  )

const target = (port: number, host = '127.0.0.1') => ({
  service: 'linkerd-proxy-injector',
  namespace: 'linkerd',
  dnsName,
  host,
  port,
})

t.test('it sees the chain that is served, for the name that is asked', async (t) => {
  const names: string[] = []
  const port = await serve(
    {
      cert: leaf.pem + middle.pem,
      key: leaf.key,
      SNICallback(name, done) {
        names.push(name)
        done(null)
      },
    },
    t,
  )
  const seen = await probeCertificate(target(port), 5000)
  t.equal(seen.error, undefined)
  t.same(names, [dnsName])
  const reader = createCertificateReader()
  t.same(
    reader.read(seen.chain).certificates.map(({ subject }) => subject),
    ['leaf', 'middle'],
  )
  const question = { chain: seen.chain, roots: ca.pem, dnsName, atMs: Date.parse('2026-06-01') }
  t.match(reader.judge(question), { trusted: true })
})

t.test('it sees what no client would believe', async (t) => {
  const wrong = [
    issue({ subject: 'expired', by: ca, notBefore: '2025-01-01T00:00:00Z', notAfter: '2025-02-01T00:00:00Z' }),
    issue({ subject: 'self-signed' }),
    issue({ subject: 'weak', by: ca, keys: makeKeys('rsa1024') }),
    issue({ subject: 'ed25519', by: ca, keys: makeKeys('ed25519') }),
    issue({ subject: 'sha1', by: ca, hash: 'sha1' }),
  ]
  for (const { pem, key, subject } of wrong) {
    const port = await serve({ cert: pem, key, ciphers: 'DEFAULT@SECLEVEL=0' }, t)
    const { chain } = await probeCertificate(target(port), 5000)
    t.match(createCertificateReader().read(chain).certificates, [{ subject }])
  }
})

t.test('it says why it saw nothing', async (t) => {
  const silent = await listen(
    createTcpServer((socket) => {
      t.teardown(() => socket.destroy())
    }),
    t,
  )
  t.match(await probeCertificate(target(silent), 50), { chain: '', error: /no handshake within 0.05 s/ })
  const closing = await listen(
    createTcpServer((socket) => socket.destroy()),
    t,
  )
  t.match(await probeCertificate(target(closing), 5000), { chain: '', error: /ECONNRESET|closed/ })
  const plain = await listen(
    createTcpServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    t,
  )
  t.match(await probeCertificate(target(plain), 5000), { chain: '', error: /.+/ })
  const free = createTcpServer()
  free.listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as AddressInfo
  free.close()
  await once(free, 'close')
  t.match(await probeCertificate(target(port), 5000), { chain: '', error: 'ECONNREFUSED' })
})

const webhook = (service: string) => {
  const found = readResource({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: service },
    webhooks: [
      {
        name: `${service}.linkerd.io`,
        clientConfig: { service: { name: service, namespace: 'linkerd' }, caBundle: '' },
      },
    ],
  })
  if (found.as !== 'resource') throw new Error(found.as)
  return found.resource
}

t.test('it looks at every Service that the webhooks name, as they are now', async (t) => {
  const port = await serve({ cert: leaf.pem + middle.pem, key: leaf.key }, t)
  const store = createStore()
  const told: (readonly ServedCertificate[])[] = []
  const asked: string[] = []
  const watch = watchCertificates({
    snapshot: store.snapshot,
    sink: (served) => told.push(served),
    resolve(one) {
      asked.push(`${one.host}:${one.port}`)
      return { host: '127.0.0.1', port }
    },
    everyMs: 3_600_000,
  })
  await watch.look()
  t.same(told, [[]])
  store.upsert(webhook('linkerd-proxy-injector'))
  store.upsert(webhook('linkerd-policy-validator'))
  await Promise.all([watch.look(), watch.look()])
  t.same(told.length, 2, 'looks at once are one look')
  t.match(told[1], [
    { service: 'linkerd-proxy-injector', chain: /BEGIN/ },
    { service: 'linkerd-policy-validator', chain: /BEGIN/ },
  ])
  t.same(asked, ['linkerd-proxy-injector.linkerd.svc:443', 'linkerd-policy-validator.linkerd.svc:443'])
  watch.stop()
  await watch.look()
  t.same(told.length, 2, 'nobody is told after the end')
})
