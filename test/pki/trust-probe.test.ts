import { createServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import t from 'tap'
import { createCertificateReader } from '../../src/pki/certificate-reader.ts'
import { probeTrust } from '../../src/pki/trust-probe.ts'
import { type Issued, issue } from './issue.ts'

const dnsName = 'meshgate.guard.svc'
const reader = createCertificateReader()
const ca = issue({ subject: 'CA', ca: true })
const otherCa = issue({ subject: 'CA', ca: true })
const leaf = (different = {}): Issued => issue({ subject: 'leaf', by: ca, dnsNames: [dnsName], ...different })

/** Serves a leaf while it is looked at by these bundles. */
async function look(served: Issued, bundles: readonly (string | undefined)[], tls = {}) {
  const server = createServer({ cert: served.pem, key: served.key, minVersion: 'TLSv1.3', ...tls })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const inForce = bundles.map((bundle, i) => ({ configuration: `configuration ${i}`, bundle }))
  const found = await probeTrust(targetAt(port), inForce, reader, usual)
  server.close().closeAllConnections()
  return found
}

const targetAt = (port: number) => ({ service: 'meshgate', namespace: 'guard', dnsName, host: '127.0.0.1', port })
const usual = { nowMs: () => Date.parse('2026-06-01T00:00:00Z'), timeoutMs: 5000 }

t.test('it tells what API servers think of what is served, and why', async (t) => {
  const past = { notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-05-31T23:59:00Z' }
  for (const [what, served, bundles, expected] of [
    ['all is well', leaf(), [ca.pem, ca.pem], { as: 'trusted' }],
    ['a merged bundle', leaf(), [otherCa.pem + ca.pem], { as: 'trusted' }],
    ['nothing is known', leaf(), [], { as: 'unknown' }],
    ['expired', leaf(past), [ca.pem], { reason: 'expired', byAll: true, text: /certificate has expired/ }],
    ['not valid yet', leaf({ notBefore: '2026-07-01T00:00:00Z' }), [ca.pem], { reason: 'not-yet-valid' }],
    ['another name', leaf({ dnsNames: ['meshgate.other.svc'] }), [ca.pem], { reason: 'name' }],
    ['no name', leaf({ dnsNames: undefined }), [ca.pem], { reason: 'name' }],
    ['another CA', leaf(), [otherCa.pem], { reason: 'unknown-authority', byAll: true }],
    ['only for clients', leaf({ usages: ['1.3.6.1.5.5.7.3.2'] }), [ca.pem], { reason: 'usage' }],
    ['one of two refuses', leaf(), [ca.pem, otherCa.pem], { reason: 'unknown-authority', byAll: false }],
    ['one has none', leaf(), [ca.pem, undefined], { reason: 'no-bundle', byAll: false }],
    ['none has any', leaf(), [undefined, undefined], { reason: 'no-bundle', byAll: false }],
    ['one refuses, one has none', leaf(), [undefined, otherCa.pem], { reason: 'unknown-authority', byAll: true }],
    ['garbage', leaf(), ['garbage'], { reason: 'malformed', byAll: true }],
  ] as const)
    t.match(await look(served, bundles), expected, what)
})

t.test('it sees what is served to a client without a certificate, where one is asked for', async (t) => {
  const tls = { ca: ca.pem, requestCert: true, rejectUnauthorized: true }
  t.same(await look(leaf(), [ca.pem], tls), { as: 'trusted' })
})

t.test('it says when nobody answers, which is no distrust', async (t) => {
  const server = createTcpServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const inForce = [{ configuration: 'x', bundle: ca.pem }]
  t.match(await probeTrust(targetAt(port), inForce, reader, usual), { reason: 'unreachable', byAll: false })
  await new Promise((resolve) => server.close(resolve))
  t.match(await probeTrust(targetAt(port), inForce, reader, usual), { reason: 'unreachable', text: 'ECONNREFUSED' })
})
