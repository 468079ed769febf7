import type { CertificateReader, Distrust } from '../linkerd/certificate.ts'
import { type ProbeTarget, probeCertificate } from './probe-certificate.ts'

/** A caBundle in force, and where; undefined where there is none. */
export interface BundleInForce {
  readonly configuration: string
  readonly bundle: string | undefined
}

export type TrustReason = Distrust | 'no-bundle' | 'unreachable'

export const trustReasons: readonly TrustReason[] = [
  'malformed',
  'expired',
  'not-yet-valid',
  'name',
  'usage',
  'unknown-authority',
  'authority-expired',
  'authority-unusable',
  'algorithm',
  'extension',
  'no-bundle',
  'unreachable',
]

/** What API servers think of what is served. */
export type TrustOutcome =
  | { readonly as: 'trusted' }
  /** Nobody knows by what it is verified. */
  | { readonly as: 'unknown' }
  | {
      readonly as: 'failed'
      /** In the words of Go. */
      readonly text: string
      readonly reason: TrustReason
      /** Not one call can succeed, for what is served; not for the lack of a bundle. */
      readonly byAll: boolean
    }

/**
 * Shakes hands with a server as API servers do, on a new connection, and judges what it serves by each bundle in force. Kept
 * connections outlive the certificate they began with, so only a new one tells.
 */
export async function probeTrust(
  target: ProbeTarget,
  inForce: readonly BundleInForce[],
  reader: CertificateReader,
  { nowMs, timeoutMs }: { readonly nowMs: () => number; readonly timeoutMs: number },
): Promise<TrustOutcome> {
  if (inForce.length === 0) return { as: 'unknown' }
  const { chain, error } = await probeCertificate(target, timeoutMs)
  if (error !== undefined) return { as: 'failed', reason: 'unreachable', text: error, byAll: false }
  const found = inForce.map(({ configuration, bundle }) => {
    if (bundle === undefined)
      return { configuration, reason: 'no-bundle' as const, text: 'there is no caBundle to verify it with' }
    const trust = reader.judge({ chain, roots: bundle, dnsName: target.dnsName, atMs: nowMs() })
    return trust.trusted ? undefined : { configuration, reason: trust.reason, text: trust.text }
  })
  const failures = found.filter((one) => one !== undefined)
  const refusals = failures.filter(({ reason }) => reason !== 'no-bundle')
  const [first] = refusals.length > 0 ? refusals : failures
  if (first === undefined) return { as: 'trusted' }
  const byAll = refusals.length > 0 && failures.length === found.length
  return { as: 'failed', reason: first.reason, text: `${first.configuration}: ${first.text}`, byAll }
}
