import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { findConfig, parseConfig } from '../../src/config/load.ts'
import { startWebhook, type Webhook } from '../../src/main.ts'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'
import { rules } from '../../src/rules/index.ts'
import { pairInFiles } from '../../src/server/certificate-files.ts'
import type { Cluster } from './cluster.ts'
import { tlsName } from './installation.ts'

/** A webhook that follows the cluster from what looks like a Pod: its token, CA, certificate and configuration are mounted. */
export interface LiveWebhook {
  readonly url: string
  readonly port: number
  readonly ca: string
  /** What it has logged, a line each. */
  readonly log: readonly string[]
  /** Publishes a configuration as the kubelet does, and has it looked at. */
  configure(text: string): Promise<void>
  get(path: string): Promise<{ readonly status: number; readonly body: string }>
  /** Posts a review as whoever reaches the port can. */
  post(path: string, body: unknown): Promise<{ readonly status: number; readonly body: string }>
  /** The sum of all samples of a metric whose labels contain this text. */
  metric(name: string, labels?: string): Promise<number>
  stop(): Promise<void>
}

export interface LiveOptions {
  /** Whose ServiceAccount it runs under. */
  readonly account?: string
  readonly config: string
  readonly now?: () => number
  readonly patienceMs?: number
  /** Where the API server is reached; at its own port unless another one is given. */
  readonly port?: number
}

/** One pair for all: RSA keys take their time. */
const pair = makeSelfSigned([tlsName], new Date())

export async function startLive(cluster: Cluster, options: LiveOptions): Promise<LiveWebhook> {
  const { account = 'meshgate', now, patienceMs, port = cluster.port } = options
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-pod-'))
  const file = (name: string) => join(folder, name)
  const path = `/api/v1/namespaces/meshgate/serviceaccounts/${account}/token`
  const answer = await cluster.request('POST', path, '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest"}')
  writeFileSync(file('token'), JSON.parse(answer.body).status.token)
  writeFileSync(file('ca.crt'), cluster.ca)
  writeFileSync(file('tls.crt'), pair.cert)
  writeFileSync(file('tls.key'), pair.key)
  mkdirSync(file('config'))
  let generation = 0
  const publish = (content: string) => {
    const home = `..${++generation}`
    mkdirSync(join(file('config'), home))
    writeFileSync(join(file('config'), home, 'meshgate.yaml'), content)
    symlinkSync(home, join(file('config'), '..data_tmp'))
    renameSync(join(file('config'), '..data_tmp'), join(file('config'), '..data'))
  }
  publish(options.config)
  symlinkSync('..data/meshgate.yaml', join(file('config'), 'meshgate.yaml'))
  const source = findConfig(join(file('config'), 'meshgate.yaml'), folder)
  const ids = rules.map(({ id }) => id)
  const log: string[] = []
  const webhook: Webhook = await startWebhook({
    host: '127.0.0.1',
    port: 0,
    source: pairInFiles({ certFile: file('tls.crt'), keyFile: file('tls.key') }),
    names: [tlsName],
    cluster: {
      from: 'pod',
      folder,
      env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) },
    },
    snapshot: [],
    config: parseConfig(source?.file ?? '', source?.text ?? '', ids),
    configSource: source,
    ...(now ? { now } : {}),
    ...(patienceMs === undefined ? {} : { patienceMs }),
    log: { write: (line) => log.push(line) },
  })
  const agent = new Agent({ keepAlive: true, ca: pair.ca, servername: tlsName })
  const call = (method: string, path: string, body?: string) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' }
      const outgoing = request(`${webhook.url}${path}`, { method, agent, headers }, (response) => {
        text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  return {
    url: webhook.url,
    port: Number(new URL(webhook.url).port),
    ca: pair.ca,
    log,
    async configure(content) {
      publish(content)
      await webhook.reload()
    },
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, JSON.stringify(body)),
    async metric(name, labels = '') {
      const { body } = await call('GET', '/metrics')
      return body
        .split('\n')
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) => line.includes(labels))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    },
    async stop() {
      agent.destroy()
      await webhook.stop(0)
      rmSync(folder, { recursive: true })
    },
  }
}
