import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OwnNames } from '../../src/admission/own-configurations.ts'
import { type Made, makeCertificate, usages } from '../server/make-certificate.ts'
import type { Cluster } from './cluster.ts'
import { grant, names, registration, tlsName } from './installation.ts'
import { type LiveOptions, type LiveWebhook, startLive } from './live-webhook.ts'
import { sumOf } from './samples.ts'
import { until } from './until.ts'

/*
 * What tests of rotation do to a cluster: install the webhook's configurations for cert-manager, edit them as people and
 * controllers do, and see what is served.
 */

export const certificate = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

export const ecdsa = { algorithm: 'ECDSA', size: 256, encoding: 'PKCS8' }

export const canaryAccess = grant(
  'meshgate',
  'meshgate-canary',
  [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] }],
  'meshgate',
)

const [service = '', namespace = ''] = tlsName.split('.')

/** What the cluster knows the webhook by. */
export const own: OwnNames = { ...names, service, namespace }

/** A look each half second: what takes a minute in earnest takes seconds here. */
const quick = { trustEveryMs: 500, canaryEveryMs: 500, driftEveryMs: 500, unreadyAfterMs: 2000 }

/** A replica of the webhook that watches how API servers see it. */
export function startWatching(cluster: Cluster, options: LiveOptions): Promise<LiveWebhook> {
  return startLive(cluster, { own, healthPort: 0, selfWatchTimes: quick, ...options })
}

interface LiveWebhookEntry {
  name: string
  timeoutSeconds: number
  failurePolicy: string
  clientConfig: { caBundle?: string; service: { name: string; port: number } }
}

export type LiveWebhooks = LiveWebhookEntry[]

/** On a machine that others use, a process may get no turn for seconds; here it matters whether calls are trusted, not how fast. */
const timeoutSeconds = 30

/** Both configurations as the chart has them, but for their patience: cert-manager fills in the caBundle. */
export function installed(port: number): object[] {
  return (registration(port, '') as { kind: string; metadata: object; webhooks?: LiveWebhooks }[]).map((object) => {
    if (object.webhooks === undefined) return object
    const annotations = { 'cert-manager.io/inject-ca-from': 'meshgate/meshgate-tls' }
    for (const webhook of object.webhooks) {
      delete webhook.clientConfig.caBundle
      webhook.timeoutSeconds = timeoutSeconds
    }
    return { ...object, metadata: { ...object.metadata, annotations } }
  })
}

const configurations = { validating: own.validating, mutating: own.mutating } as const

function pathOf(which: keyof typeof configurations): string {
  return `/apis/admissionregistration.k8s.io/v1/${which}webhookconfigurations/${configurations[which]}`
}

export async function webhooksOf(cluster: Cluster): Promise<LiveWebhooks> {
  return JSON.parse((await cluster.request('GET', pathOf('validating'))).body).webhooks
}

/** Changes a configuration, until nobody else was faster. */
export async function edit(
  cluster: Cluster,
  which: keyof typeof configurations,
  change: (webhooks: LiveWebhooks) => void,
): Promise<void> {
  await until('an edit', async () => {
    const configuration = JSON.parse((await cluster.request('GET', pathOf(which))).body)
    change(configuration.webhooks)
    const { status, body } = await cluster.request('PUT', pathOf(which), JSON.stringify(configuration))
    if (status !== 200 && status !== 409) throw new Error(body)
    return status === 200
  })
}

async function editBoth(cluster: Cluster, change: (webhooks: LiveWebhooks) => void): Promise<void> {
  await edit(cluster, 'validating', change)
  await edit(cluster, 'mutating', change)
}

/** As cainjector did before it merged. */
export function setBundle(cluster: Cluster, pem: string): Promise<void> {
  const caBundle = Buffer.from(pem).toString('base64')
  return editBoth(cluster, (webhooks) =>
    webhooks.forEach(({ clientConfig }) => Object.assign(clientConfig, { caBundle })),
  )
}

/** The Service leads there from now on. */
export function lead(cluster: Cluster, port: number): Promise<void> {
  return editBoth(cluster, (webhooks) =>
    webhooks.forEach(({ clientConfig }) => Object.assign(clientConfig.service, { port })),
  )
}

let handshakes = 0

/**
 * Has the API server open new connections: it keeps those of one client configuration, and a comment in the caBundle that was
 * never there makes another one. Ends when calls go by it.
 */
export async function shakeHandsAnew(cluster: Cluster): Promise<void> {
  const comment = `# ${++handshakes}\n`
  await editBoth(cluster, (webhooks) => {
    for (const { clientConfig } of webhooks) {
      const pem = Buffer.from(clientConfig.caBundle ?? '', 'base64').toString()
      clientConfig.caBundle = Buffer.from(`${pem.replace(/# \d+\n$/, '').trimEnd()}\n${comment}`).toString('base64')
    }
  })
  await until('the time that an API server takes to notice', elapsed(300))
}

export function elapsed(ms: number): () => Promise<boolean> {
  const end = Date.now() + ms
  return async () => Date.now() >= end
}

/** How many objects passed a webhook of ours that did not answer, as the API server counts. */
export async function failedOpen(cluster: Cluster): Promise<number> {
  const { body } = await cluster.request('GET', '/metrics')
  return sumOf(body, 'apiserver_admission_webhook_fail_open_count', 'meshgate.dev')
}

/** Has the API server show a client certificate to every webhook that asks for one. Answers the path of its configuration. */
export function admissionConfig(folder: string, clientCa: Made): string {
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return join(folder, name)
  }
  const client = makeCertificate({ commonName: 'kube-apiserver', issuer: clientCa, usages: [usages.client] })
  const user = {
    'client-certificate': file('client.crt', client.cert),
    'client-key': file('client.key', client.key),
  }
  const kubeConfigFile = file(
    'admission.kubeconfig',
    JSON.stringify({ apiVersion: 'v1', kind: 'Config', users: [{ name: '*', user }] }),
  )
  const configuration = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'WebhookAdmissionConfiguration',
    kubeConfigFile,
  }
  return file(
    'admission.json',
    JSON.stringify({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AdmissionConfiguration',
      plugins: ['ValidatingAdmissionWebhook', 'MutatingAdmissionWebhook'].map((name) => ({ name, configuration })),
    }),
  )
}
