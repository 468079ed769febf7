import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'

/* The real cert-manager, as processes beside the API server: its controller, and cainjector. */

export interface CertManager {
  /** Nobody fills in a caBundle any more. */
  stopInjector(): Promise<void>
  stop(): Promise<void>
}

export function startCertManager(bin: string, kubeconfig: string): CertManager {
  const start = (part: string) =>
    spawn(join(bin, 'cert-manager-lab'), [part, '--kubeconfig', kubeconfig], { stdio: 'ignore' })
  const [controller, injector] = [start('controller'), start('cainjector')]
  return {
    stopInjector: () => end(injector),
    stop: async () => void (await Promise.all([end(controller), end(injector)])),
  }
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  child.kill('SIGKILL')
  return new Promise((resolve) => child.once('exit', () => resolve()))
}
