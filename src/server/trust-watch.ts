import type { OwnNames } from '../admission/own-configurations.ts'
import { ownDnsName } from '../admission/own-configurations.ts'
import type { CertificateReader } from '../linkerd/certificates/certificate.ts'
import { type BundleInForce, probeTrust, type TrustOutcome, trustReasons } from '../pki/trust-probe.ts'
import type { Metrics } from './metrics.ts'
import type { SelfLog, Watch } from './watch.ts'

export interface TrustWatchOptions {
  readonly own: OwnNames
  /** Where this very replica listens. */
  readonly host: string
  readonly port: number
  /** What is in force now. */
  readonly inForce: () => readonly BundleInForce[]
  /** Is that current? What is stale may be wrong, and API servers may know better. */
  readonly isCurrent: () => boolean
  readonly reader: CertificateReader
  readonly metrics: Metrics
  readonly log: SelfLog
  /** Milliseconds since 1970. */
  readonly nowMs: () => number
  /** A replica whose certificate nobody trusts for so long is not ready; undefined where it must be ready to mend that. */
  readonly unreadyAfterMs: number | undefined
}

/** A handshake takes milliseconds. */
const timeoutMs = 5000

/** Looks whether API servers can verify what this replica serves. */
export function watchTrust(options: TrustWatchOptions): Watch {
  const { own, host, port, inForce, isCurrent, reader, metrics, log, nowMs, unreadyAfterMs } = options
  const success = metrics.gauge(
    'meshgate_trust_probe_success',
    'Whether API servers can verify what this replica serves, by the caBundles in force. Absent while that is not known.',
  )
  const lastSuccess = metrics.gauge('meshgate_trust_probe_last_success_timestamp_seconds', 'When they last could.')
  const countFailure = metrics.counter(
    'meshgate_trust_probe_failures_total',
    'Looks that failed, by reason.',
    'reason',
    trustReasons,
  )
  const dnsName = ownDnsName(own)
  const target = { service: own.service, namespace: own.namespace, dnsName, host: reachable(host), port }
  let last: TrustOutcome = { as: 'unknown' }
  let distrustedMs: number | undefined
  return {
    async look() {
      const before = keyOf(last)
      last = await probeTrust(target, inForce(), reader, { nowMs, timeoutMs })
      if (last.as === 'unknown') success.clear()
      else success.set(last.as === 'trusted' ? 1 : 0)
      if (last.as === 'trusted') lastSuccess.set(nowMs() / 1000)
      if (last.as === 'failed') countFailure(last.reason)
      distrustedMs = last.as === 'failed' && last.byAll && isCurrent() ? (distrustedMs ?? nowMs()) : undefined
      if (keyOf(last) === before) return
      if (last.as === 'failed') log.error(`API servers cannot verify what is served (${last.reason}): ${last.text}`)
      else if (last.as === 'trusted') log.info('API servers can verify what is served')
    },
    lines() {
      if (last.as === 'failed') return [`trust: ${last.reason}: ${last.text}`]
      return [last.as === 'trusted' ? 'trust: API servers can verify what is served' : 'trust: no caBundle is known']
    },
    unready() {
      if (last.as !== 'failed' || distrustedMs === undefined || unreadyAfterMs === undefined) return []
      return nowMs() - distrustedMs < unreadyAfterMs
        ? []
        : [`API servers do not trust the certificate that is served (${last.reason}): ${last.text}`]
    },
  }
}

function keyOf(outcome: TrustOutcome): string {
  return outcome.as === 'failed' ? outcome.reason : outcome.as
}

/** Whoever listens everywhere is found on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1'
  return host === '::' ? '::1' : host
}
