import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Cluster } from './cluster.ts'
import type { CustomKind } from './custom-resources.ts'
import { bin } from './kit.ts'
import { end, isRunning, startLogged } from './processes.ts'

/* The real cert-manager, as processes beside the API server: its controller, and cainjector. */

export interface CertManager {
  /** cainjector stands still, and nobody fills in a caBundle; until it goes on. */
  pauseInjector(): void
  resumeInjector(): void
  isAlive(): boolean
  /** The end of what its controller has logged. */
  log(): string
  stop(): Promise<void>
}

const group = 'cert-manager.io'

/** What it watches. */
export const certManagerKinds: readonly CustomKind[] = [
  { group, kind: 'Issuer', resource: 'issuers', namespaced: true },
  { group, kind: 'ClusterIssuer', resource: 'clusterissuers', namespaced: false },
  { group, kind: 'Certificate', resource: 'certificates', namespaced: true },
  { group, kind: 'CertificateRequest', resource: 'certificaterequests', namespaced: true },
  { group: `acme.${group}`, kind: 'Order', resource: 'orders', namespaced: true },
  { group: `acme.${group}`, kind: 'Challenge', resource: 'challenges', namespaced: true },
]

/** Its kinds must be defined. */
export function startCertManager(cluster: Cluster): CertManager {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-cert-manager-'))
  const logFile = (part: string) => join(folder, `${part}.log`)
  const start = (part: string) =>
    startLogged(join(bin, 'cert-manager-lab'), [part, '--kubeconfig', cluster.kubeconfig], logFile(part))
  const controller = start('controller')
  const injector = start('cainjector')
  return {
    pauseInjector: () => void injector.kill('SIGSTOP'),
    resumeInjector: () => void injector.kill('SIGCONT'),
    isAlive: () => isRunning(controller) && isRunning(injector),
    log: () => readFileSync(logFile('controller'), 'utf8').split('\n').slice(-20).join('\n'),
    async stop() {
      await Promise.all([end(injector, 5000), end(controller, 5000)])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
