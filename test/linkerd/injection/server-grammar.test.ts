import t from 'tap'
import { serverProtocols, whyServerRefused } from '../../../src/linkerd/injection/server-grammar.ts'

const podSelector = { matchLabels: { app: 'a' } }

t.test('it takes the Servers that the policy validator takes', async (t) => {
  for (const proxyProtocol of [undefined, null, ...serverProtocols])
    t.equal(whyServerRefused({ podSelector, port: 8080, proxyProtocol }, 20), undefined, String(proxyProtocol))
  for (const spec of [
    { podSelector: {}, port: '8080' },
    { podSelector, port: 'http', accessPolicy: 'audit', extra: 1 },
    { externalWorkloadSelector: { matchLabels: {} }, port: 1 },
    { podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, port: 65535 },
  ])
    t.equal(whyServerRefused(spec, 20), undefined, JSON.stringify(spec))
})

t.test('it refuses with the validator’s words, in its order', async (t) => {
  const port = 8080
  const table: readonly (readonly [Readonly<Record<string, unknown>>, RegExp])[] = [
    [{ podSelector, port: 0 }, /^data did not match any variant of untagged enum Port$/],
    [{ podSelector, port: 70000, proxyProtocol: 'x' }, /enum Port$/],
    [
      { podSelector, port, proxyProtocol: 'Opaque' },
      /^unknown variant `Opaque`, expected one of `unknown`, `HTTP\/1`,/,
    ],
    [{ podSelector, proxyProtocol: '' }, /^unknown variant ``,/],
    [{ podSelector }, /^missing field `port`$/],
    [{ port }, /^no variant of enum Selector found in flattened data$/],
    [
      { podSelector: { matchExpressions: [{ key: 'a', operator: 'Is' }] }, port },
      /^unknown variant `Is`, .*`DoesNotExist`$/,
    ],
    [{ podSelector, port, accessPolicy: 'Deny' }, /^Invalid 'accessPolicy' field: invalid mode: "Deny"$/],
  ]
  for (const [spec, message] of table) t.match(whyServerRefused(spec, 20), message, JSON.stringify(spec))
  t.match(whyServerRefused({ podSelector, port, accessPolicy: 'audit' }, 15), /invalid mode/, 'audit came with 2.16')
})
