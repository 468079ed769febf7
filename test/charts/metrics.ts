import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/* What the chart asks Prometheus for, and what there is. */

const files = join(import.meta.dirname, '../../charts/meshgate/files')

/** kube-apiserver's own (apiserver pkg/admission/metrics). */
const ofTheApiServer = new Set([
  'apiserver_admission_webhook_fail_open_count',
  'apiserver_admission_webhook_rejection_count',
])

/**
 * Metrics that alerts, dashboard and helm test ask for, by file; without the API server's, which are checked here, and, unless
 * asked for, those that only a webhook with an authority of its own has.
 */
export function metricsAskedFor({ ofSelfMode = false } = {}): ReadonlyMap<string, readonly string[]> {
  return new Map(
    ['alerts.yaml', 'dashboard.json', 'test.mjs'].map((file) => {
      const asked = readFileSync(join(files, file), 'utf8').match(/\b(?:meshgate|apiserver)_[a-z_]+\b/g) ?? []
      const names = [...new Set(asked)].filter(
        (name) => !ofTheApiServer.has(name) && (ofSelfMode || !name.startsWith('meshgate_self_')),
      )
      return [file, names]
    }),
  )
}

/** Names of the series that a page of metrics has, or will have. */
export function metricsIn(page: string): Set<string> {
  return new Set(
    [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  )
}
