/**
 * The first moment after an end that is given as a day (`2027-01-31`, all of it in UTC) or as a moment (RFC 3339), in
 * milliseconds since 1970. Undefined where the calendar has no such day or the clock no such time.
 */
export function readExpiry(text: string): number | undefined {
  const day = /^\d{4}-\d\d-\d\d/.exec(text)?.[0]
  const start = day === undefined ? Number.NaN : Date.parse(`${day}T00:00:00Z`)
  // Date.parse may read 31 February as 3 March.
  if (Number.isNaN(start) || !new Date(start).toISOString().startsWith(day ?? '')) return undefined
  if (text === day) return start + 24 * 60 * 60 * 1000
  const moment = Date.parse(text.toUpperCase())
  return Number.isNaN(moment) ? undefined : moment
}
