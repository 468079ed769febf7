import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CredentialSource } from '../../src/cluster/credentials.ts'
import { type Cluster, kubeconfig } from './cluster.ts'

/* How somebody outside a Pod is a ServiceAccount of meshgate's namespace. */

export async function tokenOf(cluster: Cluster, account: string): Promise<string> {
  const path = `/api/v1/namespaces/meshgate/serviceaccounts/${account}/token`
  const { status, body } = await cluster.request(
    'POST',
    path,
    '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest"}',
  )
  if (status !== 201) throw new Error(body)
  return JSON.parse(body).status.token
}

/** Puts into a folder what the kubelet mounts into each Pod of the account. */
export async function mountAccount(
  cluster: Cluster,
  account: string,
  folder: string,
  port = cluster.port,
): Promise<CredentialSource> {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'token'), await tokenOf(cluster, account))
  writeFileSync(join(folder, 'ca.crt'), cluster.ca)
  return mountedAt(folder, port)
}

/** The credentials that are mounted there, for an API server at this port of loopback. */
export function mountedAt(folder: string, port: number): CredentialSource {
  return { from: 'pod', folder, env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) } }
}

/** Writes a kubeconfig of the account into a folder. Answers its path. */
export async function writeKubeconfig(cluster: Cluster, account: string, folder: string): Promise<string> {
  const file = join(folder, `${account}.kubeconfig`)
  const token = await tokenOf(cluster, account)
  writeFileSync(file, kubeconfig(`https://127.0.0.1:${cluster.port}`, Buffer.from(cluster.ca), token), { mode: 0o600 })
  return file
}
