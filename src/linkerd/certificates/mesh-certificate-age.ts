import type { Path } from '../../k8s/json.ts'
import type { LinkerdSettings } from '../settings.ts'
import type { Certificate, Period } from './certificate.ts'
import { type Age, ageOf } from './certificate-age.ts'
import type { PlacedPem } from './mesh-certificates.ts'

/** What to say about a bundle: how old it is as a whole, what in it is over, or why it cannot be read. */
export type BundleVerdict =
  | { readonly as: 'malformed'; readonly path: Path; readonly problem: string }
  | { readonly as: 'old'; readonly path: Path; readonly age: Age; readonly period: Period; readonly subject: string }
  | { readonly as: 'stale'; readonly path: Path; readonly certificate: Certificate }

/**
 * Judges certificates of which one good one is enough, as anchors are: the one that lives longest decides, and what has
 * expired beside it is stale. A lone certificate is the simplest such bundle.
 */
export function* judgeBundle({ pem, path }: PlacedPem, settings: LinkerdSettings): Generator<BundleVerdict> {
  const world = settings.certificates
  if (world === undefined) return
  if (pem === undefined) {
    yield { as: 'malformed', path, problem: 'it is not base64' }
    return
  }
  const { certificates, problems } = world.reader.read(pem)
  const [problem] = problems
  if (problem !== undefined) yield { as: 'malformed', path, problem }
  const last = certificates.reduce<Certificate | undefined>(
    (best, one) => (best === undefined || one.notAfter.ms > best.notAfter.ms ? one : best),
    undefined,
  )
  if (last === undefined) return
  const nowMs = world.nowMs()
  const age = ageOf(last, nowMs, settings)
  if (age.as !== 'fine') yield { as: 'old', path, age, period: last, subject: last.subject }
  if (age.as === 'expired') return
  for (const certificate of certificates) if (certificate.notAfter.ms < nowMs) yield { as: 'stale', path, certificate }
}
