/** An inclusive range of addresses of one family. */
export interface AddressRange {
  readonly family: 4 | 6
  readonly from: bigint
  readonly to: bigint
}

/** The range of a CIDR (`10.0.0.0/8`, `fd00::/8`), or undefined when it is none. */
export function parseCidr(text: string): AddressRange | undefined {
  const match = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text.trim())
  if (!match) return undefined
  const [, address = '', length = ''] = match
  const family = address.includes(':') ? 6 : 4
  const bits = family === 4 ? 32 : 128
  const value = family === 4 ? parseIPv4(address) : parseIPv6(address)
  if (value === undefined || Number(length) > bits) return undefined
  const host = BigInt(bits - Number(length))
  const from = (value >> host) << host
  return { family, from, to: from + (1n << host) - 1n }
}

function parseIPv4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)) return undefined
  return parts.reduce((value, part) => value * 256n + BigInt(part), 0n)
}

/** The 16-bit groups of one side of `::`. The last of all may be written as IPv4. */
function groupsOf(half: string | undefined, isEnd: boolean): bigint[] | undefined {
  if (half === undefined || half === '') return []
  const groups: bigint[] = []
  const parts = half.split(':')
  for (const [i, group] of parts.entries()) {
    const v4 = isEnd && i === parts.length - 1 ? parseIPv4(group) : undefined
    if (v4 !== undefined) groups.push(v4 >> 16n, v4 & 0xffffn)
    else if (/^[0-9a-fA-F]{1,4}$/.test(group)) groups.push(BigInt(`0x${group}`))
    else return undefined
  }
  return groups
}

function parseIPv6(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groupsOf(halves[0], halves.length === 1)
  const tail = groupsOf(halves[1], true)
  if (!head || !tail) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined
  const groups = [...head, ...Array.from({ length: missing }, () => 0n), ...tail]
  return groups.reduce((value, group) => value * 65536n + group, 0n)
}

/** What of a range is in none of the others. */
export function subtractRanges(range: AddressRange, others: readonly AddressRange[]): AddressRange[] {
  let rest = [range]
  for (const other of others) {
    if (other.family !== range.family) continue
    rest = rest.flatMap(({ family, from, to }) =>
      [
        { family, from, to: to < other.from ? to : other.from - 1n },
        { family, from: from > other.to ? from : other.to + 1n, to },
      ].filter((part) => part.from <= part.to),
    )
  }
  return rest
}

/** Do the two share an address? */
export function rangesOverlap(left: AddressRange, right: AddressRange): boolean {
  return left.family === right.family && left.from <= right.to && right.from <= left.to
}
