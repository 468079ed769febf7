import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cluster, kubeconfig } from './cluster.ts'
import { tlsName } from './installation.ts'

/** One replica as a process of its own, from the command line that the chart gives its Pods. */
export interface Replica {
  readonly address: string
  readonly process: ChildProcess
  /** `http://…` of its health port. */
  readonly health: string
  /** What it has logged so far. */
  readonly log: () => string
  /** Resolves to its exit status, or to the signal that ended it. */
  readonly ended: Promise<number | string>
}

export interface ReplicaOptions {
  readonly address: string
  /** Whose ServiceAccount it runs under. */
  readonly account: string
  /** PEM. */
  readonly pair: { readonly cert: string; readonly key: string }
  readonly drainSeconds: number
  readonly config: string
}

const command = join(import.meta.dirname, '../../src/cli.ts')

/** Starts `meshgate serve` on an address, with the rights of a ServiceAccount in the namespace `meshgate`. */
export async function startReplica(cluster: Cluster, options: ReplicaOptions): Promise<Replica> {
  const { address, account, pair } = options
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-replica-'))
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return join(folder, name)
  }
  const path = `/api/v1/namespaces/meshgate/serviceaccounts/${account}/token`
  const answer = await cluster.request('POST', path, '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest"}')
  const token = JSON.parse(answer.body).status.token
  const access = kubeconfig(`https://127.0.0.1:${cluster.port}`, Buffer.from(cluster.ca), token)
  const args = [
    '--max-semi-space-size=8',
    command,
    'serve',
    `--host=${address}`,
    '--port=8443',
    '--health-port=8080',
    `--drain=${options.drainSeconds}`,
    `--dns-name=${tlsName}`,
    `--cert=${file('tls.crt', pair.cert)}`,
    `--key=${file('tls.key', pair.key)}`,
    `--config=${file('meshgate.yaml', options.config)}`,
    `--kubeconfig=${file('kubeconfig', access)}`,
  ]
  const env = { PATH: process.env['PATH'], POD_NAMESPACE: 'meshgate', POD_NAME: `meshgate-${address}` }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log += String(chunk)))
  const ended = new Promise<number | string>((resolve) =>
    child.on('exit', (status, signal) => {
      rmSync(folder, { recursive: true, force: true })
      resolve(status ?? signal ?? '')
    }),
  )
  return { address, process: child, health: `http://${address}:8080`, log: () => log, ended }
}
