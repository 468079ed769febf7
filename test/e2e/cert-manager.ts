import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apply, done } from './apply.ts'
import type { Cluster } from './cluster.ts'
import { until } from './until.ts'

/** A Secret of type kubernetes.io/tls, decoded. */
export interface TlsSecret {
  readonly cert: string
  readonly key: string
  /** Of the authority that signed, as it was at that time. */
  readonly ca: string
}

/** Real cert-manager: its controller and its cainjector, beside the control plane. */
export interface CertManager {
  /** Creates the Issuers and Certificates of a webhook: self-signed, a CA, and a leaf for this name. Ends when the leaf is there. */
  install(namespace: string, dnsName: string): Promise<void>
  secret(name: SecretName): Promise<TlsSecret>
  /** Asks for a new certificate, as `cmctl renew` does, and waits for it. */
  renew(name: SecretName): Promise<TlsSecret>
  /** Changes what a Certificate asks for. */
  change(name: SecretName, spec: object): Promise<void>
  /** cainjector hangs; until it goes on. */
  pauseInjector(): void
  resumeInjector(): void
  stop(): Promise<void>
}

/** Both are called like their Certificates. */
export type SecretName = 'meshgate-ca' | 'meshgate-tls'

const group = 'cert-manager.io'

/** What cert-manager watches, as far as a server of its objects needs to know. */
const kinds = [
  [group, 'Issuer', 'issuers', 'Namespaced'],
  [group, 'ClusterIssuer', 'clusterissuers', 'Cluster'],
  [group, 'Certificate', 'certificates', 'Namespaced'],
  [group, 'CertificateRequest', 'certificaterequests', 'Namespaced'],
  [`acme.${group}`, 'Order', 'orders', 'Namespaced'],
  [`acme.${group}`, 'Challenge', 'challenges', 'Namespaced'],
] as const

const definitions = kinds.map(([group, kind, plural, scope]) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: `${plural}.${group}`,
    annotations: { 'api-approved.kubernetes.io': 'unapproved, in a test' },
  },
  spec: {
    group,
    scope,
    names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
}))

/** As the chart has them: the CA keeps its key, a leaf never does. */
function certificates(namespace: string, dnsName: string): object[] {
  const object = (kind: string, name: string, spec: object) => ({
    apiVersion: `${group}/v1`,
    kind,
    metadata: { name, namespace },
    spec,
  })
  const privateKey = (rotationPolicy: string) => ({ algorithm: 'ECDSA', size: 256, encoding: 'PKCS8', rotationPolicy })
  const issuerRef = (name: string) => ({ group, kind: 'Issuer', name })
  return [
    object('Issuer', 'meshgate-selfsigned', { selfSigned: {} }),
    object('Certificate', 'meshgate-ca', {
      isCA: true,
      commonName: 'meshgate-ca',
      secretName: 'meshgate-ca',
      duration: '87600h',
      renewBefore: '8760h',
      usages: ['cert sign', 'crl sign', 'digital signature'],
      privateKey: privateKey('Never'),
      issuerRef: issuerRef('meshgate-selfsigned'),
    }),
    object('Issuer', 'meshgate-ca', { ca: { secretName: 'meshgate-ca' } }),
    object('Certificate', 'meshgate-tls', {
      secretName: 'meshgate-tls',
      duration: '2160h',
      renewBefore: '720h',
      usages: ['digital signature', 'server auth'],
      dnsNames: [dnsName],
      privateKey: privateKey('Always'),
      issuerRef: issuerRef('meshgate-ca'),
    }),
  ]
}

/** @param bin holds cert-manager-lab */
export async function startCertManager(bin: string, cluster: Cluster): Promise<CertManager> {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-cert-manager-'))
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, (await cluster.kubectl(['config', 'view', '--raw'])).stdout, { mode: 0o600 })
  await apply(cluster, ...definitions)
  const names = definitions.map(({ metadata }) => `crd/${metadata.name}`)
  done(await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...names]))
  const start = (name: string): ChildProcess => {
    const log = openSync(join(folder, `${name}.log`), 'a')
    const child = spawn(join(bin, 'cert-manager-lab'), [name, '--kubeconfig', kubeconfig], {
      cwd: folder,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    return child
  }
  const controller = start('controller')
  const injector = start('cainjector')
  const isAlive = () => controller.exitCode === null && injector.exitCode === null
  let home = ''

  const readCertificate = async (name: SecretName): Promise<Certificate> =>
    JSON.parse((await cluster.request('GET', pathOf(home, name))).body)
  const secret = async (name: SecretName): Promise<TlsSecret> => {
    const { status, body } = await cluster.request('GET', `/api/v1/namespaces/${home}/secrets/${name}`)
    if (status !== 200) throw new Error(body)
    const text = (key: string) => Buffer.from(JSON.parse(body).data[key] ?? '', 'base64').toString()
    return { cert: text('tls.crt'), key: text('tls.key'), ca: text('ca.crt') }
  }
  /** Changes an object until nobody else was faster. */
  const put = (name: SecretName, part: string, edit: (certificate: Certificate) => Certificate) =>
    until(
      `the change of ${name}`,
      async () => {
        const changed = JSON.stringify(edit(await readCertificate(name)))
        return (await cluster.request('PUT', `${pathOf(home, name)}${part}`, changed)).status === 200
      },
      { isAlive },
    )
  const otherThan = async (name: SecretName, before: string): Promise<TlsSecret> => {
    let now = await secret(name)
    await until(
      `a new certificate ${name}`,
      async () => {
        now = await secret(name)
        return now.cert !== before
      },
      { isAlive },
    )
    return now
  }
  return {
    secret,
    async install(namespace, dnsName) {
      home = namespace
      await apply(cluster, ...certificates(namespace, dnsName))
      try {
        await until('the first certificate', async () => (await secret('meshgate-tls')).cert !== '', { isAlive })
      } catch (error) {
        const log = readFileSync(join(folder, 'controller.log'), 'utf8').split('\n').slice(-20).join('\n')
        throw new Error(`cert-manager does not issue:\n${log}`, { cause: error })
      }
    },
    async renew(name) {
      const { cert } = await secret(name)
      await put(name, '/status', (certificate) => {
        const condition = {
          type: 'Issuing',
          status: 'True',
          reason: 'ManuallyTriggered',
          message: 'asked for by a test',
          observedGeneration: certificate.metadata.generation,
          lastTransitionTime: new Date().toISOString().replace(/\.\d+/, ''),
        }
        const others = (certificate.status?.conditions ?? []).filter(({ type }) => type !== condition.type)
        return { ...certificate, status: { ...certificate.status, conditions: [...others, condition] } }
      })
      return otherThan(name, cert)
    },
    change: (name, spec) =>
      put(name, '', (certificate) => ({ ...certificate, spec: { ...certificate.spec, ...spec } })),
    pauseInjector: () => void injector.kill('SIGSTOP'),
    resumeInjector: () => void injector.kill('SIGCONT'),
    async stop() {
      for (const child of [injector, controller]) {
        child.kill('SIGCONT')
        child.kill('SIGTERM')
        const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
        if (child.exitCode === null && child.signalCode === null)
          await new Promise<void>((resolve) => child.once('exit', () => resolve()))
        clearTimeout(timer)
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface Certificate {
  readonly metadata: { readonly generation: number }
  readonly spec: object
  readonly status?: { readonly conditions?: readonly { readonly type: string }[] }
}

function pathOf(namespace: string, name: string): string {
  return `/apis/${group}/v1/namespaces/${namespace}/certificates/${name}`
}
