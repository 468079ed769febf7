import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { findConfig, parseConfig } from '../../src/config/load.ts'
import { startWebhook, type WebhookOptions } from '../../src/main.ts'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'
import { rules } from '../../src/rules/index.ts'
import { pairInFiles } from '../../src/server/certificate-files.ts'
import { keepVolume, makeVolume } from '../server/volume.ts'
import type { Cluster } from './cluster.ts'
import { tlsName } from './installation.ts'
import { samplesIn, sumOf } from './samples.ts'
import { mountAccount } from './service-account.ts'

interface Pair {
  readonly cert: string
  readonly key: string
}

interface Page {
  readonly status: number
  readonly body: string
}

/**
 * A webhook in this very process that follows the cluster from what looks like a Pod: its token, CA, certificate and
 * configuration are mounted.
 */
export interface LiveWebhook {
  readonly url: string
  readonly port: number
  /** Of the certificate that it is given unless another one is. */
  readonly ca: string
  /** What it has logged, a line each. */
  readonly log: readonly string[]
  /** The kubelet brings the mounted configuration up to date, and it is looked at. */
  configure(config: string): Promise<void>
  /** The kubelet brings the mounted Secret up to date. */
  mount(pair: Pair): void
  /** Has the files looked at now. */
  reload(): Promise<void>
  /** From its health port if it has one. */
  get(path: string): Promise<Page>
  /** `/readyz?verbose`. */
  ready(): Promise<Page>
  /** Posts a review as whoever reaches the port can. */
  post(path: string, body: unknown): Promise<Page>
  /** The samples of a metric whose line begins so. */
  samples(begin: string): Promise<readonly string[]>
  /** The sum of all samples of a metric whose labels contain this text. */
  metric(name: string, labels?: string): Promise<number>
  stop(): Promise<void>
}

type Passed = 'certificateLook' | 'clients' | 'healthPort' | 'now' | 'own' | 'patienceMs' | 'pod' | 'selfWatchTimes'

export interface LiveOptions extends Partial<Pick<WebhookOptions, Passed>> {
  /** YAML; by default, nothing. */
  readonly config?: string
  /** What the Secret holds at first; one that is good for {@link tlsName} unless another one is given. */
  readonly pair?: Pair
  /** Where the API server is reached; at its own port unless another one is given. */
  readonly apiServerPort?: number
}

/** One pair for all: RSA keys take their time. */
const usualPair = makeSelfSigned([tlsName], new Date())

/** Starts one under meshgate's ServiceAccount. */
export async function startLive(cluster: Cluster, options: LiveOptions): Promise<LiveWebhook> {
  const { config = '{}', pair = usualPair, apiServerPort, ...passed } = options
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-pod-'))
  const credentials = await mountAccount(cluster, 'meshgate', join(folder, 'account'), apiServerPort)
  const secret = makeVolume(pair)
  const configMap = keepVolume(join(folder, 'config'))
  const publish = (config: string) => configMap({ 'meshgate.yaml': config })
  publish(config)
  const source = findConfig(join(folder, 'config/meshgate.yaml'), folder)
  const ids = rules.map(({ id }) => id)
  const log: string[] = []
  const webhook = await startWebhook({
    host: '127.0.0.1',
    port: 0,
    source: pairInFiles(secret),
    names: [tlsName],
    cluster: credentials,
    snapshot: [],
    config: parseConfig(source?.file ?? '', source?.text ?? '', ids),
    configSource: source,
    log: { write: (line) => log.push(line) },
    ...passed,
  })
  const agent = new Agent({ keepAlive: true, ca: usualPair.ca, servername: tlsName })
  const call = (method: string, path: string, body?: string) =>
    new Promise<Page>((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const outgoing = request(`${webhook.url}${path}`, { method, agent, headers }, (response) => {
        text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  const get = async (path: string): Promise<Page> => {
    if (webhook.healthUrl === undefined) return call('GET', path)
    const response = await fetch(`${webhook.healthUrl}${path}`, { headers: { connection: 'close' } })
    return { status: response.status, body: await response.text() }
  }
  return {
    url: webhook.url,
    port: Number(new URL(webhook.url).port),
    ca: usualPair.ca,
    log,
    async configure(content) {
      publish(content)
      await webhook.reload()
    },
    mount: secret.write,
    reload: () => webhook.reload(),
    get,
    ready: () => get('/readyz?verbose'),
    post: (path, body) => call('POST', path, JSON.stringify(body)),
    samples: async (begin) => samplesIn((await get('/metrics')).body, begin),
    metric: async (name, labels) => sumOf((await get('/metrics')).body, name, labels),
    async stop() {
      agent.destroy()
      await webhook.stop(0)
      secret.remove()
      rmSync(folder, { recursive: true })
    },
  }
}
