import { type ChildProcess, spawn } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { done } from './apply.ts'
import { type Cluster, freePorts, kubeconfig } from './cluster.ts'
import { until } from './until.ts'

/*
 * What stands in for a Pod where there is no kubelet: a process that runs what the Deployment says, with its arguments and
 * environment, as its ServiceAccount, with its volumes kept as the kubelet keeps them, on the address of the Service.
 */

interface Container {
  readonly args: readonly string[]
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}

interface Volume {
  readonly name: string
  readonly configMap?: { readonly name: string }
  readonly secret?: { readonly secretName: string }
}

export interface PodStandIn {
  /** Reads ConfigMaps and Secrets again, and swings the links as the kubelet does. */
  sync(): Promise<void>
  /** `http://…` of its health port. */
  readonly health: string
  /** What it wrote so far. */
  output(): string
  /** SIGTERM, and waits; answers its exit code. */
  stop(): Promise<number | null>
}

/** Starts one for a Deployment whose Service has the same name, and waits until it answers. */
export async function startPod(cluster: Cluster, namespace: string, name: string): Promise<PodStandIn> {
  const read = async (kind: string, of: string) => {
    return JSON.parse(done(await cluster.kubectl(['get', kind, of, '-n', namespace, '-o', 'json'])).stdout)
  }
  const { template } = (await read('deployment', name)).spec
  const [container] = template.spec.containers as readonly [Container]
  const volumes: readonly Volume[] = template.spec.volumes
  const host: string = (await read('service', name)).spec.clusterIP

  const folder = mkdtempSync(join(tmpdir(), 'meshgate-pod-'))
  const token = await cluster.kubectl(['create', 'token', template.spec.serviceAccountName, '-n', namespace])
  const account = join(folder, 'kubeconfig')
  writeFileSync(account, kubeconfig(`https://127.0.0.1:${cluster.port}`, Buffer.from(cluster.ca), token.stdout))

  let generation = 0
  const sync = async () => {
    generation++
    for (const { name, configMap, secret } of volumes) {
      const source = configMap
        ? await read('configmap', configMap.name)
        : await read('secret', secret?.secretName ?? '')
      const encoding = configMap ? 'utf8' : 'base64'
      publish(
        join(folder, name),
        `..${generation}`,
        Object.entries<string>(source.data).map(([key, value]) => [key, Buffer.from(value, encoding)]),
      )
    }
  }
  await sync()

  const [healthPort = 0] = await freePorts(1)
  const mounted = container.volumeMounts.reduce(
    (args, { name, mountPath }) => args.map((arg) => arg.replace(`=${mountPath}/`, `=${join(folder, name)}/`)),
    container.args.slice(1),
  )
  // Of an option that is given twice, the last one counts.
  const args = [
    ...mounted,
    `--host=${host}`,
    '--port=443',
    `--kubeconfig=${account}`,
    '--drain=0',
    `--health-port=${healthPort}`,
  ]
  const fields: Readonly<Record<string, string>> = { POD_NAME: `${name}-0`, POD_NAMESPACE: namespace }
  const env = Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value ?? fields[name]]))
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/cli.ts'), 'serve', ...args], {
    env: { PATH: process.env['PATH'], ...env },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  const isAlive = () => child.exitCode === null
  try {
    await until('the webhook', async () => output.includes('meshgate serves'), { isAlive })
  } catch (error) {
    throw new Error(output, { cause: error })
  }
  return {
    sync,
    health: `http://${host}:${healthPort}`,
    output: () => output,
    async stop() {
      child.kill('SIGTERM')
      const code = await exitOf(child)
      rmSync(folder, { recursive: true })
      return code
    },
  }
}

/** As the kubelet's AtomicWriter: a new folder, then one link is swung. */
function publish(volume: string, generation: string, files: readonly (readonly [string, Buffer])[]): void {
  mkdirSync(join(volume, generation), { recursive: true })
  for (const [name, content] of files) writeFileSync(join(volume, generation, name), content)
  const before = readdirSync(volume).includes('..data') ? readlinkSync(join(volume, '..data')) : undefined
  symlinkSync(generation, join(volume, '..next'))
  renameSync(join(volume, '..next'), join(volume, '..data'))
  const linked = new Set(readdirSync(volume))
  for (const [name] of files) if (!linked.has(name)) symlinkSync(join('..data', name), join(volume, name))
  if (before !== undefined) rmSync(join(volume, before), { recursive: true })
}

function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => child.once('exit', resolve))
}
