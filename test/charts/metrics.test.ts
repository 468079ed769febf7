import t from 'tap'
import { createMetrics } from '../../src/server/metrics.ts'
import { metricsAskedFor, metricsIn } from './metrics.ts'

/**
 * Metrics of a webhook that watches how API servers see it: only in a cluster are they there, and chart.e2e.ts holds them
 * against a real page.
 */
const ofTheWatch = new Set([
  'meshgate_canary_last_success_timestamp_seconds',
  'meshgate_canary_success',
  'meshgate_configuration_drift',
  'meshgate_trust_probe_success',
])

t.test('alerts, dashboard and helm test ask only for metrics that there are', async (t) => {
  const there = metricsIn((await createMetrics().expose()).text)
  t.ok(there.size > 20, `${there.size} metrics`)
  for (const [file, asked] of metricsAskedFor()) {
    t.ok(asked.length > 1, file)
    t.same(
      asked.filter((name) => !there.has(name) && !ofTheWatch.has(name)),
      [],
      file,
    )
  }
})
