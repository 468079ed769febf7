import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createMetrics } from '../../src/server/metrics.ts'

const root = join(import.meta.dirname, '../..')

t.test('it exposes what it counted', async (t) => {
  const metrics = createMetrics()
  const labels = { path: '/validate', operation: 'CREATE', kind: 'Service', verdict: 'denied' }
  metrics.review(labels, 0.003)
  metrics.review(labels, 0.3)
  metrics.review({ ...labels, verdict: 'allowed' }, 0.001)
  metrics.finding('some-rule', 'deny')
  metrics.finding('some-rule', 'deny')
  metrics.failure('bad-rule')
  metrics.rejected('overload')
  metrics.watch({ requests: 3, bytes: 4096 })
  metrics.certificate(new Date('2030-01-01T00:00:00Z'))
  metrics.reload('swapped')
  const { type, text } = await metrics.expose()
  t.match(type, /^text\/plain; version=0\.0\.4/)
  const samples = new Set(text.split('\n').filter((line) => !line.startsWith('#')))
  for (const sample of [
    'meshgate_reviews_total{path="/validate",operation="CREATE",kind="Service",verdict="denied"} 2',
    'meshgate_reviews_total{path="/validate",operation="CREATE",kind="Service",verdict="allowed"} 1',
    'meshgate_review_duration_seconds_count{path="/validate"} 3',
    'meshgate_review_duration_seconds_bucket{le="0.005",path="/validate"} 2',
    'meshgate_findings_total{rule="some-rule",enforcement="deny"} 2',
    'meshgate_rule_failures_total{rule="bad-rule"} 1',
    'meshgate_requests_rejected_total{reason="overload"} 1',
    'meshgate_requests_in_flight 3',
    'meshgate_request_bytes_in_flight 4096',
    `meshgate_certificate_expiry_timestamp_seconds ${Date.UTC(2030, 0, 1) / 1000}`,
    'meshgate_certificate_reloads_total{result="swapped"} 1',
  ])
    t.ok(samples.has(sample), sample)
})

t.test('it tells of trust anchors what is known', async (t) => {
  const metrics = createMetrics()
  const samples = async () => (await metrics.expose()).text.match(/^meshgate_linkerd_trust_anchor.*$/gm) ?? []
  t.same(await samples(), [], 'nothing is no end')
  metrics.watchTrustAnchors(() => ({
    namespace: 'linkerd',
    daysLeft: 30.5,
    states: { good: 1, expired: 2, unreadable: 0 },
  }))
  t.same(await samples(), [
    'meshgate_linkerd_trust_anchor_days_left{namespace="linkerd"} 30.5',
    'meshgate_linkerd_trust_anchors{namespace="linkerd",state="good"} 1',
    'meshgate_linkerd_trust_anchors{namespace="linkerd",state="expired"} 2',
    'meshgate_linkerd_trust_anchors{namespace="linkerd",state="unreadable"} 0',
  ])
  metrics.watchTrustAnchors(() => undefined)
  t.same(await samples(), [], 'what is gone leaves no last word')
})

t.test('it explains every metric, and shares none with another server', async (t) => {
  const one = createMetrics()
  const other = createMetrics()
  one.rejected('overload')
  const { text } = await other.expose()
  t.notMatch(text, /overload/)
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name)
  t.ok(names.length >= 9)
  for (const name of names) t.match(text, new RegExp(`^# HELP ${name} [A-Z].*\\.$`, 'm'))
})

t.test('it has a line in the documentation for each metric', async (t) => {
  const documented = readFileSync(join(root, 'docs/operations.md'), 'utf8')
  const { text } = await createMetrics().expose()
  const exposed = text.matchAll(/^# HELP (\S+)/gm).map(([, name]) => name ?? '')
  const folder = join(root, 'src/server')
  const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'))
  const kept = sources.flatMap((source) => [...source.matchAll(/'(meshgate_[a-z_]+)'/g)].map(([, name]) => name ?? ''))
  const names = new Set([...exposed, ...kept])
  t.ok(names.size > 30)
  for (const name of names) t.ok(new RegExp(`\`${name}(?:\\{[a-z,]*\\})?\``).test(documented), name)
})
