import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cluster } from './cluster.ts'
import { tlsName } from './installation.ts'
import { type ServeProcess, startServe } from './serve-process.ts'
import { writeKubeconfig } from './service-account.ts'

/** One of several replicas, at an address of its own and at the ports that its Pod has. */
export interface Replica extends ServeProcess {
  readonly address: string
}

export interface ReplicaOptions {
  readonly address: string
  /** PEM. */
  readonly pair: { readonly cert: string; readonly key: string }
  readonly drainSeconds: number
  readonly config: string
}

/** Starts `meshgate serve` on an address, with the rights of meshgate's ServiceAccount. */
export async function startReplica(cluster: Cluster, options: ReplicaOptions): Promise<Replica> {
  const { address, pair, config, drainSeconds } = options
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-replica-'))
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return join(folder, name)
  }
  const args = [
    `--host=${address}`,
    '--port=8443',
    '--health-port=8080',
    `--drain=${drainSeconds}`,
    `--dns-name=${tlsName}`,
    `--cert=${file('tls.crt', pair.cert)}`,
    `--key=${file('tls.key', pair.key)}`,
    `--config=${file('meshgate.yaml', config)}`,
    `--kubeconfig=${await writeKubeconfig(cluster, 'meshgate', folder)}`,
  ]
  const server = startServe({ name: `meshgate-${address}`, args })
  const ended = server.ended.finally(() => rmSync(folder, { recursive: true, force: true }))
  return { ...server, address, ended }
}
