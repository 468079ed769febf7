import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createCertificateReader } from '../../src/pki/certificate-reader.ts'
import { makeAuthority, makeLeaf } from '../../src/pki/issue-certificate.ts'
import { makeSerial } from '../../src/pki/self-signed.ts'
import { provePair } from '../../src/server/certificate-pair.ts'

const dayMs = 24 * 3600 * 1000
const nowMs = Date.now()
const names = ['meshgate.meshgate.svc', 'meshgate.meshgate.svc.cluster.local', '127.0.0.1']
const authority = await makeAuthority(nowMs, 3650 * dayMs)
const leaves = await Promise.all(
  Array.from({ length: 20 }, (_, i) => makeLeaf(authority, names, nowMs, (i + 1) * dayMs)),
)

/** Of Debian and most others; where it is not, Go's rules have to do. */
const openssl = ((): string | false => {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8' }).trim()
  } catch {
    return false
  }
})()

t.test('it makes serials that are positive, at most 20 bytes, and all different', async (t) => {
  const serials = Array.from({ length: 10_000 }, makeSerial)
  t.equal(new Set(serials).size, serials.length)
  t.ok(serials.every((serial) => serial.length <= 40 && Number.parseInt(serial.slice(0, 2), 16) < 0x80))
  const made = [authority.authority.pem, ...leaves.map(({ cert }) => cert)].map((pem) => new X509Certificate(pem))
  t.equal(new Set(made.map(({ serialNumber }) => serialNumber)).size, made.length)
  t.ok(made.every(({ serialNumber }) => /^[4-7][0-9A-F]{31}$/.test(serialNumber)))
})

t.test('it makes leaves that Go and we take, by each of their names', async (t) => {
  const reader = createCertificateReader()
  for (const { cert, key } of leaves) {
    await provePair({ cert, key }, names, new Date(nowMs))
    for (const dnsName of names.slice(0, 2)) {
      const trust = reader.judge({ chain: cert, roots: authority.authority.pem, dnsName, atMs: nowMs })
      t.equal(trust.trusted, true, JSON.stringify(trust))
    }
  }
})

t.test('it makes leaves that OpenSSL takes at its strictest', { skip: openssl ? false : 'no openssl' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-issue-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'ca.pem'), authority.authority.pem)
  for (const [i, { cert }] of leaves.slice(0, 5).entries()) {
    const file = join(folder, `${i}.pem`)
    writeFileSync(file, cert)
    const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', names[0] ?? '']
    const said = execFileSync('openssl', [...args, '-CAfile', join(folder, 'ca.pem'), file], { encoding: 'utf8' })
    t.equal(said, `${file}: OK\n`)
  }
})

t.test('it makes an authority for leaves, and for nothing else', async (t) => {
  const ca = new X509Certificate(authority.authority.pem)
  t.equal(ca.ca, true)
  t.match(ca.toLegacyObject().subject, { CN: /^meshgate CA [0-9a-f]{8}$/ })
  t.not((await makeAuthority(nowMs, dayMs)).authority.id, authority.authority.id)
  const leaf = new X509Certificate(leaves[0]?.cert ?? '')
  t.equal(leaf.ca, false)
  t.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
  const below = await makeLeaf(
    { authority: { ...authority.authority, pem: leaves[0]?.cert ?? '' }, key: leaves[0]?.key ?? '' },
    names,
    nowMs,
    dayMs,
  )
  const chain = `${below.cert}${leaves[0]?.cert}`
  const trust = createCertificateReader().judge({
    chain,
    roots: authority.authority.pem,
    dnsName: names[0] ?? '',
    atMs: nowMs,
  })
  t.match(trust, { trusted: false })
})

t.test('it makes no leaf that outlives its authority, and none that begins now', async (t) => {
  const short = await makeAuthority(nowMs, 60_000)
  const leaf = await makeLeaf(short, names, nowMs, dayMs)
  t.equal(leaf.notAfterMs, short.authority.notAfterMs)
  t.ok(leaf.notBeforeMs <= nowMs - 10_000 && leaf.notBeforeMs > nowMs - 60_000, 'clocks differ, but not by a life')
  const { validFromDate, validToDate } = new X509Certificate(leaf.cert)
  t.same([validFromDate.getTime(), validToDate.getTime()], [leaf.notBeforeMs, leaf.notAfterMs])
})
