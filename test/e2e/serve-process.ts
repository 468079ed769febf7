import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { connect } from 'node:tls'
import type { Cluster } from './cluster.ts'

/** A replica as a process of its own, as it runs in a Pod. */
export interface ServeProcess {
  readonly name: string
  /** Where it serves; 0 until it does. */
  port(): number
  /** What it logged: the messages of all lines. */
  readonly log: readonly string[]
  isReady(): Promise<boolean>
  /** From the health port; empty while there is none. */
  get(path: string): Promise<string>
  /** The sum of all samples of a metric whose labels contain this text. */
  metric(name: string, labels?: string): Promise<number>
  kill(signal: 'SIGKILL' | 'SIGTERM'): void
  isAlive(): boolean
  /** Resolves when it has ended. */
  readonly ended: Promise<void>
}

const cli = join(import.meta.dirname, '../../src/cli.ts')

/** A kubeconfig for a ServiceAccount of this namespace. */
export async function accountFile(cluster: Cluster, folder: string, account: string): Promise<string> {
  const path = `/api/v1/namespaces/meshgate/serviceaccounts/${account}/token`
  const answer = await cluster.request('POST', path, '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest"}')
  const ca = Buffer.from(cluster.ca).toString('base64')
  const file = join(folder, `${account}.kubeconfig`)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'pod',
    clusters: [
      { name: 'pod', cluster: { server: `https://127.0.0.1:${cluster.port}`, 'certificate-authority-data': ca } },
    ],
    users: [{ name: 'pod', user: { token: JSON.parse(answer.body).status.token } }],
    contexts: [{ name: 'pod', context: { cluster: 'pod', user: 'pod' } }],
  }
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 })
  return file
}

/**
 * Starts `meshgate serve`.
 *
 * @param onLog told of each message at once
 */
export function startServe(
  name: string,
  args: readonly string[],
  onLog: (replica: ServeProcess, message: string) => void = () => {},
): ServeProcess {
  const fixed = ['serve', '--host', '127.0.0.1', '--port', '0', '--health-port', '0', '--drain', '0']
  const child: ChildProcess = spawn(process.execPath, ['--max-semi-space-size=8', cli, ...fixed, ...args], {
    env: { PATH: process.env['PATH'], POD_NAMESPACE: 'meshgate', POD_NAME: name },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log: string[] = []
  let port = 0
  let healthUrl = ''
  const lines = (stream: NodeJS.ReadableStream | null, take: (line: string) => void) => {
    if (stream) createInterface({ input: stream }).on('line', take)
  }
  lines(child.stdout, (line) => {
    port ||= Number(/serves https:\S+:(\d+)$/.exec(line)?.[1] ?? 0)
    healthUrl ||= /health at (\S+)$/.exec(line)?.[1] ?? ''
  })
  const get = async (path: string) => {
    if (healthUrl === '') return ''
    const response = await fetch(`${healthUrl}${path}`, { headers: { connection: 'close' } })
    return response.text()
  }
  const replica: ServeProcess = {
    name,
    port: () => port,
    log,
    get,
    async isReady() {
      return (await get('/readyz').catch(() => '')) === 'ok\n'
    },
    async metric(metric, labels = '') {
      return (await get('/metrics'))
        .split('\n')
        .filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `))
        .filter((line) => line.includes(labels))
        .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    },
    kill: (signal) => void child.kill(signal),
    isAlive: () => child.exitCode === null && child.signalCode === null,
    ended: new Promise((resolve) => child.once('exit', () => resolve())),
  }
  lines(child.stderr, (line) => {
    const message = messageIn(line)
    log.push(message)
    onLog(replica, message)
  })
  return replica
}

function messageIn(line: string): string {
  try {
    return String(JSON.parse(line).msg)
  } catch {
    return line
  }
}

/** What a replica serves to a client that trusts this bundle and asks for this name: its hash, or why not. */
export function servedBy(port: number, ca: string, servername: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername }, () => {
      const { raw } = socket.getPeerCertificate()
      resolve(createHash('sha256').update(raw).digest('hex'))
      socket.destroy()
    })
    socket.on('error', (error) => resolve(error.message))
  })
}
