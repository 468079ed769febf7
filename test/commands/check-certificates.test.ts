import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { check } from '../../src/commands/check.ts'
import { issue, pemOf } from '../pki/issue.ts'

/** What `meshgate check` says of one manifest. */
async function checked(t: Pick<Tap, 'teardown'>, manifest: object) {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-check-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'manifest.json')
  writeFileSync(file, JSON.stringify(manifest))
  let output = ''
  const stream = { write: (text: string) => (output += text) }
  const world = { stdin: Readable.from([]), stdout: stream, stderr: stream, env: {}, cwd: () => folder }
  const code = await check([file, '--format', 'json'], world)
  return { code, output }
}

type Tap = typeof t

const secret = (crt: string, key: string, name = 'linkerd-proxy-injector-k8s-tls') => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'linkerd' },
  type: 'kubernetes.io/tls',
  stringData: { 'tls.crt': crt, 'tls.key': key },
})

const dnsNames = ['linkerd-proxy-injector.linkerd.svc']

t.test('it knows what day it is', async (t) => {
  const day = (days: number) => new Date(Date.now() + days * 24 * 3600 * 1000).toISOString()
  const expired = issue({ subject: 'x', dnsNames, notBefore: day(-365), notAfter: day(-1) })
  const soon = issue({ subject: 'x', dnsNames, notBefore: day(-345), notAfter: day(20) })
  const fine = issue({ subject: 'x', dnsNames, notBefore: day(-1), notAfter: day(364) })
  t.match(await checked(t, secret(expired.pem, expired.key)), { code: 1, output: /"expired"/ })
  t.match(await checked(t, secret(soon.pem, soon.key)), { code: 0, output: /"expiring"/ })
  const { code, output } = await checked(t, secret(fine.pem, fine.key))
  t.equal(code, 0)
  t.notMatch(output, /webhook-certificate/)
})

t.test('it compares a key, and never shows it', async (t) => {
  const one = issue({ subject: 'x', dnsNames })
  const other = issue({ subject: 'x', dnsNames })
  const { code, output } = await checked(t, secret(one.pem, other.key))
  t.equal(code, 1)
  t.match(output, /key-mismatch/)
  for (const line of other.key.split('\n').filter((text) => text.length > 30 && !text.includes('---')))
    t.notOk(output.includes(line.slice(0, 30)), 'no line of the key is in the output')
})

t.test('it ends with an answer on hostile PEM', async (t) => {
  const hostile: readonly (readonly [what: string, pem: string])[] = [
    ['64 KiB of line ends', '\n'.repeat(65_536)],
    ['1 MiB of BEGIN', '-----BEGIN CERTIFICATE-----\n'.repeat(37_450)],
    ['1 MiB of base64', pemOf('CERTIFICATE', Buffer.alloc(780_000, 0x30))],
    ['1,000 blocks', issue({ subject: 'x' }).pem.repeat(1000)],
    ['100 blocks of nothing', pemOf('CERTIFICATE', Buffer.alloc(3)).repeat(100)],
  ]
  for (const [what, pem] of hostile)
    t.match(await checked(t, secret(pem, '')), { code: 1, output: /malformed-certificate/ }, what)
})
