/*
 * Values as Go reads them: the injector is written in Go, and an annotation means what Go's parsers make of it. Each function
 * answers the value, or the error in Go's words (the injector logs them).
 */

/** A value, or why there is none. */
export type Parsed<T> = { readonly value: T } | { readonly error: string }

/** Go's strconv.ParseBool: exactly these twelve spellings. */
export function parseGoBool(text: string): Parsed<boolean> {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return { value: true }
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return { value: false }
  return { error: `strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax` }
}

/** Units of Go's time.ParseDuration, in milliseconds. */
const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

/** Go's time.ParseDuration, in milliseconds: a sign, then numbers each with its unit. A bare number has none. */
export function parseGoDuration(text: string): Parsed<number> {
  const invalid = { error: `time: invalid duration ${goQuote(text)}` }
  const sign = text.startsWith('-') ? -1 : 1
  let rest = /^[-+]/.test(text) ? text.slice(1) : text
  if (rest === '0') return { value: 0 }
  if (rest === '') return invalid
  let valueMs = 0
  while (rest !== '') {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(rest)?.[0]
    if (number === undefined) return invalid
    rest = rest.slice(number.length)
    const unit = /^[^.\d]*/.exec(rest)?.[0] ?? ''
    if (unit === '') return { error: `time: missing unit in duration ${goQuote(text)}` }
    const perUnit = Object.hasOwn(unitsMs, unit) ? unitsMs[unit] : undefined
    if (perUnit === undefined) return { error: `time: unknown unit ${goQuote(unit)} in duration ${goQuote(text)}` }
    valueMs += Number(number) * perUnit
    rest = rest.slice(unit.length)
  }
  // An int64 of nanoseconds: some 292 years.
  return valueMs * 1e6 >= 2 ** 63 ? invalid : { value: sign * valueMs }
}

/** Go's strconv.ParseInt with base 10: a sign is allowed, a space is not. */
export function parseGoInt(text: string, bits: 32 | 64): Parsed<number> {
  const limit = 2n ** BigInt(bits - 1)
  if (!/^[-+]?\d+$/.test(text)) return { error: `strconv.ParseInt: parsing ${goQuote(text)}: invalid syntax` }
  const value = BigInt(text.replace(/^\+/, ''))
  return value >= -limit && value < limit
    ? { value: Number(value) }
    : { error: `strconv.ParseInt: parsing ${goQuote(text)}: value out of range` }
}

/** Go's strconv.ParseUint with base 10: no sign at all. */
export function parseGoUint(text: string): Parsed<number> {
  if (!/^\d+$/.test(text)) return { error: `strconv.ParseUint: parsing ${goQuote(text)}: invalid syntax` }
  return BigInt(text) < 2n ** 64n
    ? { value: Number(text) }
    : { error: `strconv.ParseUint: parsing ${goQuote(text)}: value out of range` }
}

/** Go's strconv.ParseFloat: decimal and hexadecimal numbers, underscores not, `inf` and `nan` in any case. */
export function parseGoFloat(text: string): Parsed<number> {
  const [, sign = '', body = ''] = /^([-+]?)(.*)$/s.exec(text) ?? []
  if (/^(inf|infinity)$/i.test(body)) return { value: sign === '-' ? -Infinity : Infinity }
  if (/^nan$/i.test(text)) return { value: NaN }
  if (/^(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(body)) return { value: Number(text) }
  return { error: `strconv.ParseFloat: parsing ${goQuote(text)}: invalid syntax` }
}

const quantityFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

const quantitySuffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** A Kubernetes quantity (apimachinery pkg/api/resource ParseQuantity): `500m`, `64Mi`, `1e3`. No space, no `MB`. */
export function parseQuantity(text: string): Parsed<number> {
  const [, number = '', suffix = ''] = /^([+-]?(?:\d+\.?\d*|\.\d+))(.*)$/s.exec(text) ?? []
  if (number === '') return { error: quantityFormat }
  const power = /^[eE]([-+]?\d+)$/.exec(suffix)?.[1]
  const factor =
    power === undefined
      ? Object.hasOwn(quantitySuffixes, suffix)
        ? quantitySuffixes[suffix]
        : undefined
      : 10 ** Number(power)
  return factor === undefined ? { error: quantityFormat } : { value: Number(number) * factor }
}

/** A string as Go's `%q` and strconv.Quote show it, for the characters annotations are likely to hold. */
function goQuote(text: string): string {
  return JSON.stringify(text)
}
