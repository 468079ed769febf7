import t from 'tap'
import { createCertificateReader } from '../../src/pki/certificate-reader.ts'
import { brokenBundles, dnsName, makeCases } from './chains.ts'

const now = new Date('2026-06-01T00:00:00Z')

t.test("it judges chains as Go's verifier does", async (t) => {
  const reader = createCertificateReader()
  for (const { what, chain, bundle, expected } of makeCases(now)) {
    const trust = reader.judge({ chain, roots: bundle, dnsName, atMs: now.getTime() })
    t.equal(trust.trusted ? 'trusted' : trust.reason, expected, `${what}${trust.trusted ? '' : `: ${trust.text}`}`)
  }
})

t.test('it reads nothing from bundles that Go reads nothing from', async (t) => {
  for (const [what, bundle] of brokenBundles(now)) {
    const { certificates, problems } = createCertificateReader().read(bundle)
    t.same(certificates, [], what)
    t.ok(problems.length > 0, `${what}: ${problems[0]}`)
  }
})
