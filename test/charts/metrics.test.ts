import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { defaultConfig } from '../../src/config/config.ts'
import { startWebhook } from '../../src/main.ts'

/** Metrics that other work brings. Empty it, and nothing else, when they are there. */
const toCome: readonly string[] = [
  'meshgate_canary_last_success_timestamp_seconds',
  'meshgate_canary_success',
  'meshgate_configuration_drift',
  'meshgate_trust_probe_success',
]

/** kube-apiserver's own (apiserver pkg/admission/metrics). */
const ofTheApiServer = ['apiserver_admission_webhook_fail_open_count', 'apiserver_admission_webhook_rejection_count']

const files = join(import.meta.dirname, '../../charts/meshgate/files')

t.test('alerts, dashboard and helm test ask only for metrics that there are', async (t) => {
  const webhook = await startWebhook({
    host: '127.0.0.1',
    port: 0,
    names: ['localhost', '127.0.0.1'],
    snapshot: [],
    config: defaultConfig,
  })
  t.teardown(() => webhook.stop(0))
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${webhook.url}/metrics`, { ca: webhook.ca, agent: false }, resolve).on('error', reject).end()
  })
  const exposed = await text(response)
  const there = [...exposed.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  )
  t.ok(there.length > 20, `${there.length} metrics`)
  const known = new Set([...there, ...toCome, ...ofTheApiServer])
  const asked = (name: string) =>
    readFileSync(join(files, name), 'utf8').match(/\b(?:meshgate|apiserver)_[a-z_]+\b/g) ?? []
  for (const file of ['alerts.yaml', 'dashboard.json', 'test.mjs']) {
    t.ok(asked(file).length > 1, file)
    t.same(
      asked(file).filter((name) => !known.has(name)),
      [],
      file,
    )
  }
  t.same(
    toCome.filter((name) => there.includes(name)),
    [],
    'what has come is no longer to come',
  )
})
