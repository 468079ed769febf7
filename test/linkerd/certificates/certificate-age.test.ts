import t from 'tap'
import { ageOf } from '../../../src/linkerd/certificates/certificate-age.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** A certificate of this life with this much left, and what is said about it. */
const rows: readonly (readonly [
  life: number,
  left: number,
  renewBefore: number | undefined,
  as: string,
  words: string,
])[] = [
  // Helm's: 365 days.
  [365 * dayMs, 31 * dayMs, undefined, 'fine', '31 days'],
  [365 * dayMs, 29 * dayMs, undefined, 'warning', '29 days'],
  [365 * dayMs, 8 * dayMs, undefined, 'warning', '8 days'],
  [365 * dayMs, 6 * dayMs, undefined, 'error', '6 days'],
  [365 * dayMs, 0, undefined, 'error', '0 minutes'],
  [365 * dayMs, -1, undefined, 'expired', '0 minutes'],
  // cert-manager's default: 90 days, renewed at 30.
  [90 * dayMs, 29 * dayMs, undefined, 'fine', '29 days'],
  [90 * dayMs, 26 * dayMs, undefined, 'warning', '26 days'],
  // A fortnight: 4.2 days, 2.1 days.
  [14 * dayMs, 5 * dayMs, undefined, 'fine', '5 days'],
  [14 * dayMs, 4 * dayMs, undefined, 'warning', '4 days'],
  [14 * dayMs, 2 * dayMs, undefined, 'error', '2 days'],
  // The documentation's: 24 h renewed at 1 h, 48 h renewed at 25 h.
  [24 * hourMs, hourMs, undefined, 'fine', '60 minutes'],
  [24 * hourMs, 0.7 * hourMs, undefined, 'warning', '42 minutes'],
  [24 * hourMs, 0.3 * hourMs, undefined, 'error', '18 minutes'],
  [48 * hourMs, 24 * hourMs, 25 * hourMs, 'fine', '24 hours'],
  [48 * hourMs, 22 * hourMs, 25 * hourMs, 'warning', '22 hours'],
  [48 * hourMs, 11 * hourMs, 25 * hourMs, 'error', '11 hours'],
]

t.test('it warns when whoever renews is late', async (t) => {
  const nowMs = Date.parse('2026-06-01T00:00:00Z')
  for (const [life, left, renewBefore, as, words] of rows) {
    const notAfter = { ms: nowMs + left, text: '' }
    const age = ageOf(
      { notBefore: { ms: notAfter.ms - life, text: '' }, notAfter },
      nowMs,
      defaultSettings,
      renewBefore,
    )
    t.same([age.as, age.left], [as, words], `${life / dayMs} days of life, ${left / dayMs} left`)
  }
})
