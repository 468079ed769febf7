import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keepVolume } from '../server/volume.ts'
import { done } from './apply.ts'
import type { Cluster } from './cluster.ts'
import { startServe } from './serve-process.ts'
import { writeKubeconfig } from './service-account.ts'
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
  stop(): Promise<number | string>
}

/** Starts one for the Deployment of meshgate, and waits until it answers. */
export async function startPod(cluster: Cluster): Promise<PodStandIn> {
  const read = async (kind: string, of: string) =>
    JSON.parse(done(await cluster.kubectl(['get', kind, of, '-n', 'meshgate', '-o', 'json'])).stdout)
  const { template } = (await read('deployment', 'meshgate')).spec
  const [container] = template.spec.containers as readonly [Container]
  const volumes: readonly Volume[] = template.spec.volumes
  const host: string = (await read('service', 'meshgate')).spec.clusterIP

  const folder = mkdtempSync(join(tmpdir(), 'meshgate-pod-'))
  const kept = volumes.map((volume) => ({ ...volume, put: keepVolume(join(folder, volume.name)) }))
  const sync = async () => {
    for (const { put, configMap, secret } of kept) {
      const source = configMap
        ? await read('configmap', configMap.name)
        : await read('secret', secret?.secretName ?? '')
      const contents = Object.entries<string>(source.data)
      put(Object.fromEntries(contents.map(([key, value]) => [key, Buffer.from(value, configMap ? 'utf8' : 'base64')])))
    }
  }
  await sync()

  const mounted = container.volumeMounts.reduce(
    (args, { name, mountPath }) => args.map((arg) => arg.replace(`=${mountPath}/`, `=${join(folder, name)}/`)),
    container.args.slice(1),
  )
  const kubeconfig = await writeKubeconfig(cluster, template.spec.serviceAccountName, folder)
  const elsewhere = [`--host=${host}`, '--port=443', `--kubeconfig=${kubeconfig}`, '--drain=0', '--health-port=0']
  const name = 'meshgate-0'
  const fields: Readonly<Record<string, string>> = { POD_NAME: name, POD_NAMESPACE: 'meshgate' }
  const env = Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, value ?? fields[name]]))
  const server = startServe({ name, args: [...mounted, ...elsewhere], env })
  try {
    await until('the webhook', async () => server.health() !== '', server)
  } catch (error) {
    throw new Error(server.output(), { cause: error })
  }
  return {
    sync,
    health: server.health(),
    output: () => server.output(),
    async stop() {
      server.kill('SIGTERM')
      const code = await server.ended
      rmSync(folder, { recursive: true })
      return code
    },
  }
}
