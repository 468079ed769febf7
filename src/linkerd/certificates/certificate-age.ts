import type { LinkerdSettings } from '../settings.ts'
import type { Period } from './certificate.ts'

/** How close something is to its end. */
export interface Age {
  readonly as: 'expired' | 'error' | 'warning' | 'fine'
  /** Until the end; negative afterwards. */
  readonly days: number
  /** `12 days`, `5 hours`: what is left, for people. */
  readonly left: string
}

const dayMs = 24 * 3600 * 1000

/**
 * How close a certificate is to its end. The configured windows hold for what lives long; shorter lives have shorter windows,
 * since whatever renews them is only late when it is late:
 *
 *   | the certificate                      | warning from             | error from               |
 *   | renewed `renewBefore` before its end | 0.9 of that, at most     | half of this, at most    |
 *   | lives longer than a week             | 0.3 of its life, at most | half of this, at most    |
 *   | lives a week or less                 | 1/30 of its life         | half of this             |
 *
 * cert-manager renews at 2/3 of the life by default; Linkerd's documentation renews certificates of 24 h one hour before.
 */
export function ageOf(period: Period, nowMs: number, settings: LinkerdSettings, renewBeforeMs?: number): Age {
  const { notBefore, notAfter } = period
  const lifeMs = notAfter.ms - notBefore.ms
  const cap = renewBeforeMs === undefined ? (lifeMs > 7 * dayMs ? 0.3 : 1 / 30) * lifeMs : 0.9 * renewBeforeMs
  const leftMs = notAfter.ms - nowMs
  const as =
    leftMs < 0
      ? 'expired'
      : leftMs < Math.min(settings.certificateErrorDays * dayMs, cap / 2)
        ? 'error'
        : leftMs < Math.min(settings.certificateWarningDays * dayMs, cap)
          ? 'warning'
          : 'fine'
  return { as, days: leftMs / dayMs, left: inWords(leftMs) }
}

function inWords(ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000))
  if (minutes < 120) return countOf(minutes, 'minute')
  return minutes < 48 * 60 ? countOf(Math.floor(minutes / 60), 'hour') : countOf(Math.floor(minutes / (24 * 60)), 'day')
}

function countOf(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}
