import { apply } from './apply.ts'
import type { CertManager } from './cert-manager.ts'
import type { Cluster } from './cluster.ts'
import { until } from './until.ts'

/** A Secret of type kubernetes.io/tls, decoded. */
export interface TlsSecret {
  readonly cert: string
  readonly key: string
  /** Of the authority that signed, as it was at that time. */
  readonly ca: string
}

/** Both are called like their Certificates. */
type SecretName = 'meshgate-ca' | 'meshgate-tls'

/** What cert-manager issues for the webhook. */
export interface IssuedCertificates {
  secret(name: SecretName): Promise<TlsSecret>
  /** Asks for a new certificate, as `cmctl renew` does, and waits for it. */
  renew(name: SecretName): Promise<TlsSecret>
  /** Changes what a Certificate asks for. */
  change(name: SecretName, spec: object): Promise<void>
}

const group = 'cert-manager.io'

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

/** Creates the Issuers and Certificates of a webhook: self-signed, a CA, and a leaf for this name. Ends when the leaf is there. */
export async function issueCertificates(
  cluster: Cluster,
  manager: CertManager,
  namespace: string,
  dnsName: string,
): Promise<IssuedCertificates> {
  const pathOf = (name: SecretName) => `/apis/${group}/v1/namespaces/${namespace}/certificates/${name}`
  const secret = async (name: SecretName): Promise<TlsSecret> => {
    const { status, body } = await cluster.request('GET', `/api/v1/namespaces/${namespace}/secrets/${name}`)
    if (status !== 200) throw new Error(body)
    const text = (key: string) => Buffer.from(JSON.parse(body).data[key] ?? '', 'base64').toString()
    return { cert: text('tls.crt'), key: text('tls.key'), ca: text('ca.crt') }
  }
  /** Changes an object until nobody else was faster. */
  const put = (name: SecretName, part: string, edit: (certificate: Certificate) => Certificate) => {
    const change = async () => {
      const certificate: Certificate = JSON.parse((await cluster.request('GET', pathOf(name))).body)
      const changed = JSON.stringify(edit(certificate))
      return (await cluster.request('PUT', `${pathOf(name)}${part}`, changed)).status === 200
    }
    return until(`the change of ${name}`, change, manager)
  }
  await apply(cluster, ...certificates(namespace, dnsName))
  try {
    await until('the first certificate', async () => (await secret('meshgate-tls')).cert !== '', manager)
  } catch (error) {
    throw new Error(`cert-manager does not issue:\n${manager.log()}`, { cause: error })
  }
  return {
    secret,
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
      let now = await secret(name)
      const isNew = async () => {
        now = await secret(name)
        return now.cert !== cert
      }
      await until(`a new certificate ${name}`, isNew, manager)
      return now
    },
    change: (name, spec) =>
      put(name, '', (certificate) => ({ ...certificate, spec: { ...certificate.spec, ...spec } })),
  }
}

interface Certificate {
  readonly metadata: { readonly generation: number }
  readonly spec: object
  readonly status?: { readonly conditions?: readonly { readonly type: string }[] }
}
