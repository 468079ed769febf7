import t from 'tap'
import type { Finding } from '../../src/core/finding.ts'
import { fixtures, judgeFixture, loadFixture } from './fixture.ts'

const all = fixtures()

function findingsOf(rule: string, name: string): Finding[] {
  const fixture = all.find((one) => one.rule === rule && one.name === name)
  if (!fixture) throw new Error(`no fixture ${rule}/${name}`)
  return judgeFixture(fixture, loadFixture(fixture))
}

t.test('it says what takes the port away, how surely, and changes nothing that denies', async (t) => {
  const denied = (ports: string, client: string, server: string) =>
    `TCP 4143 is denied here while ${ports} may be used: ${client} cannot reach ${server}`
  // fixture → severity, confidence, the path, what the text says.
  const table: readonly (readonly [string, Finding['severity'], Finding['confidence'], string, string])[] = [
    [
      'row-41-cilium-deny-beside',
      'error',
      'high',
      'spec/ingressDeny/0',
      denied('8080', 'pods in namespace a', 'pods in namespace a'),
    ],
    [
      'row-46-calico-deny-first',
      'error',
      'high',
      'spec/ingress/0',
      denied('other ports', 'pods in namespace a', 'pods in namespace a'),
    ],
    [
      'egress-deny-by-number',
      'error',
      'high',
      'spec/egress/0',
      denied('other ports', 'pods in namespace a', 'pods in namespace b'),
    ],
    [
      'cilium-nothing-else-is-closed',
      'error',
      'high',
      'spec/ingressDeny/0',
      denied('other ports', 'pods with app=x in namespace a', 'pods in namespace a'),
    ],
    [
      'calico-service-accounts',
      'warning',
      'low',
      'spec/ingress/0',
      '(not certain: service accounts decide whom it is about)',
    ],
  ]
  for (const [name, severity, confidence, path, text] of table) {
    const [finding, ...others] = findingsOf('network-policy-denies-proxy-port', name)
    t.same(others, [], `${name}: one finding`)
    t.match(finding, { severity, confidence, fix: undefined }, name)
    t.equal(finding?.path.join('/'), path, name)
    t.ok(finding?.text.includes(text), `${name}: ${finding?.text}`)
  }
})

t.test('it only doubts addresses, and less where the web is meant', async (t) => {
  const rule = 'network-policy-cidr-covers-pods'
  const [everywhere] = findingsOf(rule, 'row-19-all-addresses')
  t.match(everywhere, { severity: 'warning', confidence: 'medium', fix: undefined })
  t.match(everywhere?.text, 'TCP 4143 is missing beside 8080 for 0.0.0.0/0, where Pods may live')
  t.match(findingsOf(rule, 'egress-web-only'), [{ severity: 'info', confidence: 'low' }])
})

t.test('it says what becomes of Pods by what the webhook says of failures', async (t) => {
  const table: readonly (readonly [string, string])[] = [
    ['fails-closed', ': with failurePolicy Fail, Pods are not created at all'],
    ['fails-open', ': with failurePolicy Ignore, Pods are created without a proxy, and nobody is told'],
    ['injector-by-another-port', ": with failurePolicy Ignore, Linkerd's default, Pods are created without a proxy"],
  ]
  for (const [name, text] of table) {
    const texts = findingsOf('network-policy-isolates-control-plane', name).map((finding) => finding.text)
    t.ok(
      texts.some((one) => one.includes(text)),
      `${name}: ${texts.join()}`,
    )
  }
})
