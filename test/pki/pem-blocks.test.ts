import fc from 'fast-check'
import t from 'tap'
import { createCertificateReader } from '../../src/pki/certificate-reader.ts'
import { readPem } from '../../src/pki/pem-blocks.ts'
import { issue, pemOf } from './issue.ts'

const { pem } = issue({ subject: 'root', ca: true })

t.test('it reads blocks where Go reads them', async (t) => {
  const rows: readonly (readonly [what: string, text: string, blocks: number, problems: number])[] = [
    ['nothing', '', 0, 0],
    ['one', pem, 1, 0],
    ['two with text between', `a\n${pem}\nb\n${pem}`, 2, 0],
    ['spaces at line ends', pem.replaceAll('\n', ' \t\n'), 1, 0],
    ['no final line end', pem.trimEnd(), 1, 0],
    ['indented', pem.replaceAll(/^/gm, ' '), 0, 1],
    ['after text on its line', `x ${pem}`, 0, 1],
    ['no END', pem.slice(0, 100), 0, 1],
    ['no END, then a whole one', `${pem.slice(0, 100)}\n${pem}`, 1, 1],
    ['END of another label', pem.replace('END CERTIFICATE', 'END KEY'), 0, 1],
    ['not base64', pem.replace('\nM', '\n*'), 0, 1],
    ['padding that is missing', pemOf('CERTIFICATE', Buffer.alloc(4)).replace('==', ''), 0, 1],
    ['headers', pem.replace('\n', '\nDEK-Info: x\n\n'), 0, 1],
  ]
  for (const [what, text, blocks, problems] of rows) {
    const found = readPem(text)
    t.same([found.blocks.length, found.problems.length], [blocks, problems], `${what}: ${found.problems.join('; ')}`)
  }
})

t.test('it reads no more than any real bundle has', async (t) => {
  const huge: readonly (readonly [what: string, text: string, blocks: number])[] = [
    ['64 KiB of line ends', '\n'.repeat(65_536), 0],
    ['a certificate behind 64 KiB of line ends', '\n'.repeat(65_536) + pem, 1],
    ['1 MiB of letters', 'A'.repeat(1 << 20), 0],
    ['1 MiB of BEGIN', '-----BEGIN CERTIFICATE-----\n'.repeat(37_450), 0],
    ['300 KB of BEGIN', '-----BEGIN CERTIFICATE-----\n'.repeat(10_700), 0],
    ['300 KB of dashes', '-'.repeat(300_000), 0],
    ['1,000 blocks', pemOf('CERTIFICATE', Buffer.alloc(3)).repeat(1000), 100],
    ['one block of 100 KB', pemOf('CERTIFICATE', Buffer.alloc(100_000)), 0],
  ]
  for (const [what, text, blocks] of huge) t.equal(readPem(text).blocks.length, blocks, what)
})

t.test('it never throws, whatever is spoiled', async (t) => {
  const der = Buffer.from(pem.replaceAll(/-----.*-----|\n/g, ''), 'base64')
  const reader = createCertificateReader()
  const spoiled = fc.property(fc.nat(der.length - 1), fc.nat(255), fc.nat(der.length), (at, byte, length) => {
    const bytes = Buffer.from(der)
    bytes[at] = byte
    const text = pemOf('CERTIFICATE', bytes.subarray(0, length < at ? undefined : length))
    const { certificates, problems } = reader.read(text)
    const trust = reader.judge({ chain: text, roots: pem, dnsName: 'a.b.svc', atMs: 0 })
    return certificates.length + problems.length > 0 && !trust.trusted
  })
  const noise = fc.property(
    fc.uint8Array({ maxLength: 300 }),
    (bytes) => reader.read(pemOf('CERTIFICATE', bytes)).certificates.length === 0,
  )
  t.doesNotThrow(() => fc.assert(spoiled, { numRuns: 2000, seed: 7 }))
  t.doesNotThrow(() => fc.assert(noise, { numRuns: 1000, seed: 7 }))
})
