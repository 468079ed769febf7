import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OwnNames } from '../../src/admission/own-configurations.ts'
import { defaultConfig } from '../../src/config/config.ts'
import { startWebhook, type WebhookOptions } from '../../src/main.ts'
import { pairInFiles } from '../../src/server/certificate-files.ts'
import { makeVolume } from '../server/volume.ts'
import type { Cluster } from './cluster.ts'
import { names, tlsName } from './installation.ts'

const [service = '', namespace = ''] = tlsName.split('.')

/** What the cluster knows the webhook by. */
export const own: OwnNames = { ...names, service, namespace }

/** A replica of the webhook in a Pod of its own, as far as it can tell. */
export interface Replica {
  readonly port: number
  /** What it has logged, a line each. */
  readonly log: readonly string[]
  /** The kubelet brings the mounted Secret up to date. */
  mount(pair: { readonly cert: string; readonly key: string }): void
  /** Has the files looked at now. */
  reload(): Promise<void>
  /** `/readyz?verbose` and its status. */
  ready(): Promise<{ readonly status: number; readonly text: string }>
  /** The samples of a metric whose line begins so. */
  samples(begin: string): Promise<readonly string[]>
  stop(): Promise<void>
}

export interface ReplicaOptions extends Partial<WebhookOptions> {
  readonly pod: string
  /** What the Secret holds at first. */
  readonly pair: { readonly cert: string; readonly key: string }
}

/** A look each half second: what takes a minute in earnest takes seconds here. */
const quick = { trustEveryMs: 500, canaryEveryMs: 500, driftEveryMs: 500, unreadyAfterMs: 2000 }

export async function startReplica(cluster: Cluster, { pair, ...options }: ReplicaOptions): Promise<Replica> {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-pod-'))
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/meshgate/token`
  const answer = await cluster.request('POST', path, '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest"}')
  writeFileSync(join(folder, 'token'), JSON.parse(answer.body).status.token)
  writeFileSync(join(folder, 'ca.crt'), cluster.ca)
  const volume = makeVolume(pair)
  const log: string[] = []
  const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(cluster.port) }
  const webhook = await startWebhook({
    host: '127.0.0.1',
    port: 0,
    healthPort: 0,
    source: pairInFiles(volume),
    names: [tlsName],
    cluster: { from: 'pod', folder, env },
    own,
    snapshot: [],
    config: defaultConfig,
    selfWatchTimes: quick,
    log: { write: (line) => log.push(line) },
    ...options,
  })
  const get = (path: string) => fetch(`${webhook.healthUrl}${path}`, { headers: { connection: 'close' } })
  return {
    port: Number(new URL(webhook.url).port),
    log,
    mount: volume.write,
    reload: () => webhook.reload(),
    async ready() {
      const response = await get('/readyz?verbose')
      return { status: response.status, text: await response.text() }
    },
    async samples(begin) {
      const text = await (await get('/metrics')).text()
      return text.split('\n').filter((line) => line.startsWith(begin))
    },
    async stop() {
      await webhook.stop(0)
      volume.remove()
      rmSync(folder, { recursive: true })
    },
  }
}
