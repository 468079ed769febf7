import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { makeCertificate } from '../server/make-certificate.ts'
import { create } from './apply.ts'
import { certManagerKinds, startCertManager } from './cert-manager.ts'
import { startCluster } from './cluster.ts'
import { define } from './custom-resources.ts'
import { account, tlsName } from './installation.ts'
import { issueCertificates, type TlsSecret } from './issued-certificates.ts'
import type { LiveWebhook } from './live-webhook.ts'
import { namespace } from './manifests.ts'
import { admissionConfig, canaryAccess, certificate, installed, startWatching, webhooksOf } from './own-registration.ts'
import { total } from './samples.ts'
import { fingerprintOf, servedBy } from './served-leaf.ts'
import { type Load, startLoad } from './steady-load.ts'
import { until } from './until.ts'

/** A control plane, cert-manager, and a replica that serves what it issues; and questions to ask of them. Ends with the test. */
export async function startRotation(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-rotation-'))
  const clientCa = makeCertificate({ commonName: 'client CA' })
  const cluster = await startCluster([`--admission-control-config-file=${admissionConfig(folder, clientCa)}`])
  const closing: (() => Promise<unknown>)[] = [() => cluster.stop()]
  t.teardown(async () => {
    for (const close of closing) await close()
    rmSync(folder, { recursive: true })
  })
  await define(cluster, certManagerKinds)
  const manager = startCertManager(cluster)
  closing.unshift(() => manager.stop())
  for (const name of ['meshgate', 'linkerd', 'shop']) await create(cluster, namespace(name, {}))
  await create(cluster, ...account('meshgate'), ...canaryAccess)
  const certificates = await issueCertificates(cluster, manager, 'meshgate', tlsName)
  const replica = await startWatching(cluster, { pod: 'meshgate-a', pair: await certificates.secret('meshgate-tls') })
  closing.unshift(() => replica.stop())
  await create(cluster, ...installed(replica.port))

  const isMet = (replica: LiveWebhook, begin: string, line: string) =>
    until(line, async () => (await replica.samples(begin)).includes(line))
  const bundle = async () =>
    Buffer.from((await webhooksOf(cluster))[0]?.clientConfig.caBundle ?? '', 'base64').toString()
  const fingerprintServed = () => servedBy(replica.port)
  return {
    cluster,
    manager,
    certificates,
    replica,
    folder,
    clientCa,
    /** What is closed when the test ends, first to last. */
    closing,
    isMet,
    isTrusted: (value: 0 | 1, of = replica) =>
      isMet(of, 'meshgate_trust_probe_success', `meshgate_trust_probe_success ${value}`),
    isAnswered: (value: 0 | 1, of = replica) =>
      isMet(of, 'meshgate_canary_success', `meshgate_canary_success ${value}`),
    /** Of the samples whose lines begin so. */
    sum: async (begin: string) => total(await replica.samples(begin)),
    /** Calls until the test is over, however it ends. */
    loadOf: (t: Test, namespace: string, perSecond: number): Load => {
      // More at once would only wait for each other.
      const load = startLoad(cluster, { namespace, perSecond, mostAtOnce: 64 })
      t.teardown(() => load.stop())
      return load
    },
    fingerprintServed,
    isServed: (secret: TlsSecret) =>
      until('the new leaf', async () => (await fingerprintServed()) === fingerprintOf(secret)),
    bundle,
    /** The kubelet brings the Secret, and the files are looked at. */
    mount: async (secret: TlsSecret) => {
      replica.mount(secret)
      await replica.reload()
    },
    isAuthorityIn: (secret: TlsSecret) =>
      until('its CA in the caBundle', async () => {
        const pems = (await bundle()).match(certificate) ?? []
        return pems.some((pem) => new X509Certificate(secret.cert).verify(new X509Certificate(pem).publicKey))
      }),
  }
}
