import t from 'tap'
import { createCertificateReader } from '../../src/pki/certificate-reader.ts'
import { type NextPair, nextPair } from '../../src/pki/next-pair.ts'
import { type Issued, issue, makeKeys } from './issue.ts'

const dnsName = 'meshgate.meshgate.svc'
const reader = createCertificateReader()
const at = (hours: number) => new Date(Date.UTC(2026, 0, 1, hours)).toISOString()

const ca = (subject: string, keys = makeKeys('p256')): Issued => issue({ subject, keys, ca: true, keyUsage: '000001' })
const oldCa = ca('CA')
const newCa = ca('CA')
const sameKey = ca('CA', oldCa)

/** A leaf that lives a hundred hours. */
const leaf = (by: Issued, from = 0, dnsNames = [dnsName]) => ({
  chain: issue({ subject: 'leaf', by, dnsNames, notBefore: at(from), notAfter: at(from + 100) }).pem,
  notBeforeMs: Date.parse(at(from)),
  notAfterMs: Date.parse(at(from + 100)),
})
const served = leaf(oldCa)
const renewed = leaf(oldCa, 50)
const ofNewCa = leaf(newCa, 50)

const table: readonly (readonly [
  what: string,
  candidate: typeof served,
  bundles: readonly string[],
  hour: number,
  next: NextPair['as'],
])[] = [
  ['no bundle is known', ofNewCa, [], 60, 'swap'],
  ['the leaf alone was renewed', renewed, [oldCa.pem], 60, 'swap'],
  ['the bundle was merged before', ofNewCa, [oldCa.pem + newCa.pem], 60, 'swap'],
  ['both bundles were merged', ofNewCa, [oldCa.pem + newCa.pem, newCa.pem + oldCa.pem], 60, 'swap'],
  ['the CA was renewed with its key, and the bundle not', leaf(sameKey, 50), [oldCa.pem], 60, 'swap'],
  ['the CA was renewed with its key, and the leaf not', renewed, [sameKey.pem], 60, 'swap'],
  ['the bundle lags', ofNewCa, [oldCa.pem], 60, 'defer'],
  ['one of two bundles lags', ofNewCa, [oldCa.pem + newCa.pem, oldCa.pem], 60, 'defer'],
  ['the new leaf has another name', leaf(oldCa, 50, ['meshgate.other.svc']), [oldCa.pem], 60, 'defer'],
  ['a tenth of its life is left', ofNewCa, [oldCa.pem], 90, 'defer'],
  ['less than a tenth is left', ofNewCa, [oldCa.pem], 90.1, 'force'],
  ['the served one has expired', ofNewCa, [oldCa.pem], 101, 'force'],
  ['the bundle was replaced: nobody verifies the served one', ofNewCa, [newCa.pem], 60, 'swap'],
  ['neither is verified', ofNewCa, [ca('other').pem], 60, 'force'],
  ['the bundles disagree: each verifies one of them', ofNewCa, [oldCa.pem, newCa.pem], 60, 'defer'],
  ['a bundle that verifies neither, and one that verifies both', renewed, [oldCa.pem, newCa.pem], 60, 'force'],
]

t.test('it never trades a leaf that API servers verify for one that they do not, while there is time', async (t) => {
  for (const [what, candidate, bundles, hour, next] of table)
    t.equal(
      nextPair(served, candidate, { bundles, dnsName }, reader, Date.parse(at(0)) + hour * 3_600_000).as,
      next,
      what,
    )
})

t.test('it says why in the words of the API server', async (t) => {
  const found = nextPair(served, ofNewCa, { bundles: [oldCa.pem], dnsName }, reader, Date.parse(at(60)))
  t.match(found, { as: 'defer', text: /^x509: certificate signed by unknown authority/ })
})
