/** One element of DER (ITU-T X.690), not yet looked into. */
export interface Element {
  /** Class, form and number in one byte, as on the wire: 0x30 is SEQUENCE. */
  readonly tag: number
  readonly content: Uint8Array
  /** With tag and length. */
  readonly raw: Uint8Array
}

/** These bytes are not what they should be. */
export class DerError extends Error {}

/** Tags that certificates use. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const

/** Reads elements one after the other; each is looked into only when somebody asks. */
export interface DerReader {
  /** The tag that comes next, or undefined at the end. */
  peek(): number | undefined
  /** @throws DerError when another tag, or nothing, comes next */
  take(tag: number, what: string): Element
  takeIf(tag: number): Element | undefined
  any(what: string): Element
}

/** A reader of the elements that follow each other in these bytes. */
export function derReader(bytes: Uint8Array): DerReader {
  let at = 0
  const any = (what: string): Element => {
    const start = at
    const tag = bytes[at]
    const first = bytes[at + 1]
    // Tag numbers from 31 on take more bytes; certificates have none.
    if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new DerError(`malformed ${what}`)
    let from = at + 2
    let length = first
    if (first >= 0x80) {
      const count = first & 0x7f
      length = 0
      if (count === 0 || count > 4) throw new DerError(`malformed ${what}`)
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[from + i] ?? 0)
      from += count
      // DER has one spelling of a length, the shortest.
      if (length < 0x80 || length < 256 ** (count - 1)) throw new DerError(`malformed ${what}`)
    }
    if (from + length > bytes.length) throw new DerError(`malformed ${what}`)
    at = from + length
    return { tag, content: bytes.subarray(from, at), raw: bytes.subarray(start, at) }
  }
  const peek = () => bytes[at]
  return {
    peek,
    any,
    take(tag, what) {
      if (peek() !== tag) throw new DerError(`malformed ${what}`)
      return any(what)
    },
    takeIf: (tag) => (peek() === tag ? any('element') : undefined),
  }
}

/** An object identifier with dots. */
export function oidText({ content }: Element): string {
  const arcs: number[] = []
  let arc = 0
  for (const [i, byte] of content.entries()) {
    if (arc === 0 && byte === 0x80) throw new DerError('malformed object identifier')
    arc = arc * 128 + (byte & 0x7f)
    if (arc > Number.MAX_SAFE_INTEGER) throw new DerError('malformed object identifier')
    if (byte < 0x80) {
      arcs.push(arc)
      arc = 0
    } else if (i === content.length - 1) throw new DerError('malformed object identifier')
  }
  const [first] = arcs
  if (first === undefined) throw new DerError('malformed object identifier')
  const root = Math.min(2, Math.floor(first / 40))
  return [root, first - 40 * root, ...arcs.slice(1)].join('.')
}

/** An INTEGER of few bytes. */
export function smallInteger({ content }: Element): number {
  if (!isShortestInteger(content) || content.length > 6) throw new DerError('malformed integer')
  let value = (content[0] ?? 0) >= 0x80 ? -1 : 0
  for (const byte of content) value = value * 256 + byte
  return value
}

/** Has an INTEGER's content the only spelling that DER allows? */
export function isShortestInteger(content: Uint8Array): boolean {
  const [first, second] = content
  if (first === undefined) return false
  if (second === undefined) return true
  return !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
}

/** The bytes of a BIT STRING that has whole bytes. */
export function bitsOf({ content }: Element): { readonly bytes: Uint8Array; readonly unused: number } {
  const unused = content[0]
  if (unused === undefined || unused > 7 || (content.length === 1 && unused > 0))
    throw new DerError('malformed bit string')
  return { bytes: content.subarray(1), unused }
}

/** UTCTime or GeneralizedTime as RFC 5280 §4.1.2.5 writes them: seconds, and Z. Milliseconds since 1970. */
export function timeOf(element: Element): number {
  const text = Buffer.from(element.content).toString('latin1')
  const long = element.tag === tags.generalizedTime
  const digits = (long ? /^(\d{4})(\d{10})Z$/ : /^(\d{2})(\d{10})Z$/).exec(text)
  if (!digits || (element.tag !== tags.utcTime && !long)) throw new DerError('malformed time')
  const written = Number(digits[1])
  // "Where YY is greater than or equal to 50, the year SHALL be interpreted as 19YY."
  const year = long ? written : written >= 50 ? 1900 + written : 2000 + written
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = (digits[2]?.match(/../g) ?? []).map(Number)
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second, 0)
  const same =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour && second < 60
  if (!same) throw new DerError('malformed time')
  return date.getTime()
}
