import type { Snapshot } from '../core/snapshot.ts'
import type { ServedCertificate } from '../linkerd/certificates/certificate.ts'
import { calledIn } from '../linkerd/certificates/certificate-gauges.ts'
import { type ProbeTarget, probeCertificate } from './probe-certificate.ts'

/** What is looked at, how, and who is told. */
export interface CertificateWatchOptions {
  /** Holds the webhook configurations and APIServices that name the servers. */
  readonly snapshot: Snapshot
  /** Told of every look, all servers at once. */
  readonly sink: (served: readonly ServedCertificate[]) => void
  /** Where a server is reached; by default by its Service's name. */
  readonly resolve?: (target: ProbeTarget) => { readonly host: string; readonly port: number }
  readonly everyMs?: number
  readonly timeoutMs?: number
}

export interface CertificateWatch {
  /** Looks now; a look that is under way is joined. Ends when the sink was told. */
  look(): Promise<void>
  stop(): void
}

/** A metric must tell of a change within a minute. */
const defaultEveryMs = 20_000
const defaultTimeoutMs = 5000

/** Linkerd has six such Services at most; more would be a fault of somebody's. */
const mostTargets = 32
const atOnce = 4

/**
 * Looks at what Linkerd's webhooks serve, now and then again and again. No Secret is read: a handshake shows what the API
 * server sees, also where a Secret was renewed and the process serves on with the old one.
 */
export function watchCertificates(options: CertificateWatchOptions): CertificateWatch {
  const { snapshot, sink, resolve = (target) => target } = options
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs
  let stopped = false
  const lookOnce = async () => {
    const pending = calledIn(snapshot)
      .slice(0, mostTargets)
      .map(
        ({ service, namespace, dnsName, port }): ProbeTarget => ({ service, namespace, dnsName, host: dnsName, port }),
      )
    const served: ServedCertificate[] = []
    const work = async () => {
      for (let target = pending.shift(); target !== undefined; target = pending.shift())
        served.push(await probeCertificate({ ...target, ...resolve(target) }, timeoutMs))
    }
    await Promise.all(Array.from({ length: atOnce }, work))
    if (!stopped) sink(served)
  }
  let underWay: Promise<void> | undefined
  const look = () => {
    underWay ??= lookOnce().finally(() => {
      underWay = undefined
    })
    return underWay
  }
  const timer = setInterval(() => void look(), options.everyMs ?? defaultEveryMs)
  timer.unref()
  return {
    look,
    stop() {
      stopped = true
      clearInterval(timer)
    },
  }
}
