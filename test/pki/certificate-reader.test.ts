import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { createCertificateReader } from '../../src/pki/certificate-reader.ts'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'
import { type Issued, issue, makeKeys } from './issue.ts'

const reader = createCertificateReader()

t.test('it reads what OpenSSL reads', async (t) => {
  for (const kind of ['rsa', 'p256', 'p384', 'p521', 'ed25519'] as const) {
    const { pem } = issue({
      subject: `of ${kind}`,
      keys: makeKeys(kind),
      dnsNames: ['a.example', 'b.example'],
      ca: true,
    })
    const theirs = new X509Certificate(pem)
    const [ours] = reader.read(pem).certificates
    t.match(ours, { subject: `of ${kind}`, isCa: theirs.ca, dnsNames: ['a.example', 'b.example'] })
    t.equal(ours?.notAfter.ms, theirs.validToDate.getTime())
    t.equal(ours?.notBefore.ms, theirs.validFromDate.getTime())
    t.equal(ours?.sha256, theirs.fingerprint256.replaceAll(':', '').toLowerCase())
  }
})

t.test('it reads what node-forge makes', async (t) => {
  const now = new Date('2026-06-01T00:00:00Z')
  const { cert, key, ca } = makeSelfSigned(['a.b.svc'], now)
  t.match(reader.judge({ chain: cert, roots: ca, dnsName: 'a.b.svc', atMs: now.getTime() }), { trusted: true })
  t.equal(reader.isKeyOf(cert, key), 'yes')
})

t.test('it names the day of a long life and the minute of a short one', async (t) => {
  const notAfterOf = (notBefore: string) =>
    reader.read(issue({ subject: 'x', notBefore, notAfter: '2026-06-01T12:34:56Z' }).pem).certificates[0]?.notAfter.text
  t.equal(notAfterOf('2025-06-01T12:34:56Z'), '2026-06-01')
  t.equal(notAfterOf('2026-05-31T12:34:56Z'), '2026-06-01 12:34 UTC')
})

t.test('it ends with what ends first on the way that lasts longest', async (t) => {
  const old = issue({ subject: 'ca', ca: true, notAfter: '2026-12-01T00:00:00Z' })
  const renewed = issue({ subject: 'ca', ca: true, keys: old, notAfter: '2027-12-01T00:00:00Z' })
  const leaf = issue({ subject: 'leaf', by: old, dnsNames: ['a.b.svc'], notAfter: '2028-01-01T00:00:00Z' })
  const until = (roots: string) => {
    const trust = reader.judge({ chain: leaf.pem, roots, dnsName: 'a.b.svc', atMs: Date.parse('2026-06-01') })
    return trust.trusted ? trust.limit.notAfter.text : trust.text
  }
  t.equal(until(old.pem), '2026-12-01')
  t.equal(until(old.pem + renewed.pem), '2027-12-01')
})

t.test('it tells a key from another, in any encoding', async (t) => {
  const forms = (one: Issued) =>
    [
      one.privateKey.export({ type: 'pkcs8', format: 'pem' }),
      one.privateKey.asymmetricKeyType === 'ec' ? one.privateKey.export({ type: 'sec1', format: 'pem' }) : one.key,
      one.privateKey.asymmetricKeyType === 'rsa' ? one.privateKey.export({ type: 'pkcs1', format: 'pem' }) : one.key,
    ].map(String)
  for (const kind of ['rsa', 'p256', 'ed25519'] as const) {
    const one = issue({ subject: kind, keys: makeKeys(kind) })
    const other = issue({ subject: kind, keys: makeKeys(kind) })
    for (const key of forms(one)) t.equal(reader.isKeyOf(one.pem, key), 'yes', kind)
    for (const key of forms(other)) t.equal(reader.isKeyOf(one.pem, key), 'no', kind)
    t.equal(reader.isKeyOf(one.pem, one.pem), 'unreadable')
    t.equal(reader.isKeyOf('', one.key), 'unreadable')
    t.equal(reader.isKeyOf(one.pem, one.key + ' '.repeat(20_000)), 'unreadable')
  }
})

t.test('it gives up where Go gives up', async (t) => {
  // A hundred looks at roots of the right name and the wrong key; the right one stands behind them.
  const ca = issue({ subject: 'ca', ca: true })
  const leaf = issue({ subject: 'leaf', by: ca, dnsNames: ['a.b.svc'] })
  const strangers = Array.from({ length: 99 }, () => issue({ subject: 'ca', ca: true }).pem)
  const judge = (roots: string) =>
    reader.judge({ chain: leaf.pem, roots, dnsName: 'a.b.svc', atMs: Date.parse('2026-06-01') })
  t.match(judge([...strangers, ca.pem].join('')), { trusted: true })
  const middles = Array.from({ length: 60 }, () => issue({ subject: 'ca', by: ca, ca: true }).pem)
  const crowded = reader.judge({
    chain: leaf.pem + middles.join(''),
    roots: [...strangers.slice(0, 50), issue({ subject: 'other', ca: true }).pem].join(''),
    dnsName: 'a.b.svc',
    atMs: Date.parse('2026-06-01'),
  })
  t.match(crowded, { trusted: false, reason: 'unknown-authority' })
})
