import type { View } from '../../core/view.ts'
import { annotationOf, type Resource } from '../../k8s/resource.ts'
import type { LinkerdSettings } from '../settings.ts'

/** What cert-manager assumes where nothing is said (pkg/apis/certmanager/v1/const.go); a third of the life before the end. */
const defaultDurationMs = 90 * 24 * 3600 * 1000

const unitsMs: ReadonlyMap<string, number> = new Map([
  ['ns', 1e-6],
  ['us', 1e-3],
  ['µs', 1e-3],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
])

/** A Go duration (`8760h`, `1h30m`) in milliseconds, or undefined. */
export function durationMs(text: string): number | undefined {
  if (text.length > 64 || !/^\+?(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text))
    return text === '0' ? 0 : undefined
  let total = 0
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    total += Number(number) * (unitsMs.get(unit ?? '') ?? 0)
  return total
}

/** How long a Certificate lives and how long before its end it is renewed, as far as that can be read. */
export function lifeOf({ spec }: Resource<'Certificate'>): {
  readonly durationMs: number | undefined
  readonly renewBeforeMs: number | undefined
} {
  const duration = spec.duration == null ? defaultDurationMs : durationMs(spec.duration)
  const renewBefore = spec.renewBefore == null ? duration && duration / 3 : durationMs(spec.renewBefore)
  return { durationMs: duration, renewBeforeMs: renewBefore }
}

type CertificateView = View<'Certificate', LinkerdSettings>

/** The Certificate that writes a Secret, or undefined. */
export function certificateFor(view: CertificateView, namespace: string, secret: string) {
  return view.inNamespace('Certificate', namespace).find(({ spec }) => spec.secretName === secret)
}

/** Did cert-manager make this Secret? */
export function isManaged(secret: Resource<'Secret'>): boolean {
  return annotationOf(secret.metadata, 'cert-manager.io/certificate-name') !== undefined
}

/** What to type for a new certificate. */
export function renewal(view: CertificateView, namespace: string, secret: string): string {
  const certificate = certificateFor(view, namespace, secret)
  return certificate ? `Try cmctl renew -n ${namespace} ${certificate.name}` : 'Run linkerd upgrade'
}
