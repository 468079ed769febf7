/*
 * kubectl reads YAML with the 1.1 dialect of go-yaml v2: `on` is true, `017` is 15, `1:30` and dates are texts. Both of our
 * libraries are told the same: `bulk-schema.ts`, `source-tags.ts`. `test/manifests/scalars.test.ts` holds what kubectl printed for
 * each spelling, and `test/oracle/kubectl-yaml.ts` asks it about generated ones.
 */

/** Spellings of null, without quotes. */
export const nulls = new Set(['', '~', 'null', 'Null', 'NULL'])
export const trues = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'])
export const falses = new Set(['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'])

// go-yaml's resolve(): underscores are dropped, then an integer of base 0 is tried, then a float; what fits neither is a text.
const integer = /^([-+]?)(?:0([xXbBoO]))?([0-9a-fA-F]+)$/
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/
/** After a point Go's own ParseFloat decides, which wants a digit on both sides of an underscore. */
const fraction = /^\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?$/
/** What a number may look like; most of these are none. */
export const numberLike = /^[-+.0-9][-+.0-9a-zA-Z_]*$/
const digits = { 2: /^[01]+$/, 8: /^[0-7]+$/, 16: /^[0-9a-fA-F]+$/ } as const
const bases = { b: 2, o: 8, x: 16 } as const

/** The number that kubectl reads, or undefined for a text. What is no number in JSON (`.inf`) is one here. */
export function numberOf(text: string): number | undefined {
  if (!numberLike.test(text)) return undefined
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (/^\.(?:nan|NaN|NAN)$/.test(text)) return Number.NaN
  if (text.startsWith('.')) return fraction.test(text) ? floatOf(text.replaceAll('_', '')) : undefined
  const plain = text.replaceAll('_', '')
  return integerOf(plain) ?? (float.test(plain) ? floatOf(plain) : undefined)
}

/** An integer in another base than ten, if it fits into 64 bits. Of the others, a float has the same value. */
function integerOf(plain: string): number | undefined {
  const [, sign, prefix, written = ''] = integer.exec(plain) ?? []
  if (prefix === undefined && (!written.startsWith('0') || written === '0')) return undefined
  const base = bases[(prefix?.toLowerCase() ?? 'o') as keyof typeof bases]
  if (!digits[base].test(written)) return undefined
  const letter = prefix?.toLowerCase() ?? 'o'
  const size = BigInt(`0${letter}${written}`)
  const most = sign === '-' ? 2n ** 63n : sign === '+' ? 2n ** 63n - 1n : 2n ** 64n - 1n
  if (size > most) return undefined
  return sign === '-' && size !== 0n ? -Number(size) : Number(size)
}

/** Too large is a text for Go. There is no negative zero in an object. */
function floatOf(plain: string): number | undefined {
  const value = Number(plain)
  if (!Number.isFinite(value)) return undefined
  return value === 0 ? 0 : value
}

/** What kubectl makes of a scalar without quotes. */
export function plainScalar(text: string): null | boolean | number | string {
  if (nulls.has(text)) return null
  if (trues.has(text)) return true
  return falses.has(text) ? false : (numberOf(text) ?? text)
}
