import { type ChildProcess, execFile } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bin } from './kit.ts'
import { end, ended, isRunning, startLogged } from './processes.ts'
import { until } from './until.ts'

/** What kubectl answered. */
export interface Answer {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What the API server answered to one request. */
export interface Response {
  readonly status: number
  readonly warning: string
  readonly body: string
}

/** A throw-away control plane on loopback: etcd, kube-apiserver and controllers if asked for, everything in one temporary folder. */
export interface Cluster {
  /** Real kubectl as cluster administrator; `input` is its standard input. */
  kubectl(args: readonly string[], input?: string): Promise<Answer>
  /** One request to the API server, its body as it is: kubectl would write `<` as six characters. */
  request(method: string, path: string, body?: string): Promise<Response>
  /** The audit log so far: an event per line, with metadata only. */
  audit(): string
  /** Of the cluster administrator: a file. */
  readonly kubeconfig: string
  /** Where the API server listens, and the CA of its certificate. */
  readonly port: number
  readonly ca: string
  /** Sends a signal to the API server. Whoever stops it lets it go on. */
  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void
  /** Starts the API server again after it was killed, and waits until it is ready. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** From a Deployment to its Pods, and what they need; namespaces that can be deleted; the roles that users usually have. */
const controllers = [
  'clusterrole-aggregation-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'garbage-collector-controller',
  'deployment-controller',
  'replicaset-controller',
]

/**
 * Starts a control plane from the kit: etcd and kube-apiserver, and kube-controller-manager if asked for.
 *
 * @param flags more of them for kube-apiserver
 */
export async function startCluster(flags: readonly string[] = [], { withControllers = false } = {}): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-e2e-'))
  const file = (name: string) => join(folder, name)
  const children: ChildProcess[] = []
  const start = (name: string, args: readonly string[]) => {
    const child = startLogged(join(bin, name), args, file(`${name}.log`))
    children.push(child)
    return child
  }
  const stop = async () => {
    // kube-apiserver first: without etcd it would not end. What hangs all the same is killed.
    for (const child of children.toReversed()) await end(child, 10_000)
    rmSync(folder, { recursive: true, force: true })
  }

  try {
    const [etcdPort, peerPort, apiPort] = await freePorts(3)
    const [token, controllerToken] = [randomBytes(24).toString('hex'), randomBytes(24).toString('hex')]
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeFileSync(file('sa.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    writeFileSync(file('sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
    const tokens = [
      `${token},admin,admin,"system:masters"`,
      `${controllerToken},system:kube-controller-manager,manager`,
    ]
    writeFileSync(file('tokens.csv'), `${tokens.join('\n')}\n`, { mode: 0o600 })

    writeFileSync(
      file('audit.json'),
      '{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"rules":[{"level":"Metadata"}]}',
    )

    const etcd = start('etcd', [
      '--name=e2e',
      `--data-dir=${file('etcd')}`,
      `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
      `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
      `--initial-cluster=e2e=http://127.0.0.1:${peerPort}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ])
    const apiserverArgs = [
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${apiPort}`,
      `--cert-dir=${file('pki')}`,
      `--token-auth-file=${file('tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${file('sa.pub')}`,
      `--service-account-signing-key-file=${file('sa.key')}`,
      '--service-cluster-ip-range=127.96.0.0/16',
      '--endpoint-reconciler-type=none',
      `--audit-policy-file=${file('audit.json')}`,
      `--audit-log-path=${file('audit.log')}`,
      ...flags,
    ]
    let apiserver = start('kube-apiserver', apiserverArgs)
    const env = { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: file('kubeconfig') }
    // Never blocking: the webhook that kubectl waits for runs in this very process.
    const kubectl = (args: readonly string[], input = ''): Promise<Answer> =>
      new Promise((resolve) => {
        const options = { encoding: 'utf8' as const, env, maxBuffer: 64 * 1024 * 1024 }
        const child = execFile(join(bin, 'kubectl'), args, options, (error, stdout, stderr) =>
          resolve({ status: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
        )
        // It may have ended without reading.
        child.stdin?.on('error', () => {})
        child.stdin?.end(input)
      })
    const isAlive = () => isRunning(etcd) && isRunning(apiserver)
    const certified = async () => {
      const ca = readFileSync(file('pki/apiserver.crt'))
      const config = (token: string) => kubeconfig(`https://127.0.0.1:${apiPort}`, ca, token)
      writeFileSync(file('kubeconfig'), config(token), { mode: 0o600 })
      writeFileSync(file('controllers.kubeconfig'), config(controllerToken), { mode: 0o600 })
      return true
    }
    await until('the certificate of kube-apiserver', certified, { isAlive })
    const ready = () =>
      until('kube-apiserver', async () => (await kubectl(['get', '--raw', '/readyz'])).stdout === 'ok', { isAlive })
    await ready()
    if (withControllers)
      start('kube-controller-manager', [
        `--kubeconfig=${file('controllers.kubeconfig')}`,
        // As in a real cluster, each controller is a ServiceAccount of kube-system.
        '--use-service-account-credentials=true',
        '--leader-elect=false',
        '--secure-port=0',
        `--controllers=${controllers.join(',')}`,
        `--service-account-private-key-file=${file('sa.key')}`,
        '--kube-api-qps=500',
        '--kube-api-burst=1000',
      ])
    // Without a controller nobody makes it, and no Pod is admitted without it.
    const account = withControllers ? ['get', 'serviceaccount', 'default'] : ['create', 'serviceaccount', 'default']
    await until('the default ServiceAccount', async () => (await kubectl(account)).status === 0, { isAlive })
    const call = (method: string, path: string, body = '') =>
      new Promise<Response>((resolve, reject) => {
        const outgoing = request(`https://127.0.0.1:${apiPort}${path}`, {
          method,
          ca: readFileSync(file('pki/apiserver.crt')),
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        })
        outgoing.on('error', reject)
        outgoing.on('response', (response) => {
          const { statusCode: status = 0, headers } = response
          let text = ''
          response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
          response.on('end', () => resolve({ status, warning: String(headers['warning'] ?? ''), body: text }))
        })
        outgoing.end(body)
      })
    return {
      kubectl,
      request: call,
      audit: () => readFileSync(file('audit.log'), 'utf8'),
      kubeconfig: file('kubeconfig'),
      port: apiPort ?? 0,
      ca: readFileSync(file('pki/apiserver.crt'), 'utf8'),
      signal: (signal) => void apiserver.kill(signal),
      async restart() {
        await ended(apiserver)
        apiserver = start('kube-apiserver', apiserverArgs)
        await ready()
      },
      stop,
    }
  } catch (error) {
    const log =
      children.length > 0
        ? readFileSync(
            file(`${['etcd', 'kube-apiserver', 'kube-controller-manager'][children.length - 1] ?? 'etcd'}.log`),
            'utf8',
          )
        : ''
    await stop()
    throw new Error(`the control plane did not start:\n${log.split('\n').slice(-15).join('\n')}`, { cause: error })
  }
}

/** So many ports of loopback that nobody listens on. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return server
    }),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** As JSON, which is YAML, too. */
export function kubeconfig(server: string, ca: Buffer, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'e2e',
    clusters: [{ name: 'e2e', cluster: { server, 'certificate-authority-data': ca.toString('base64') } }],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: 'admin' } }],
  })
}
