/** A set of small whole numbers, as one bit each: for combining sets of many thousands. All sets of one universe have one length. */
export type Bits = Uint32Array

/** An empty set that can hold 0 to `size - 1`. */
export function emptyBits(size: number): Bits {
  return new Uint32Array(Math.ceil(size / 32))
}

export function addBit(bits: Bits, bit: number): void {
  bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) | (1 << (bit & 31))
}

export function removeBit(bits: Bits, bit: number): void {
  bits[bit >>> 5] = (bits[bit >>> 5] ?? 0) & ~(1 << (bit & 31))
}

export function hasBit(bits: Bits, bit: number): boolean {
  return ((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0
}

/** Every number in the set, from the lowest. */
export function* bitsIn(bits: Bits): Generator<number> {
  for (let i = 0; i < bits.length; i++)
    for (let word = bits[i] ?? 0; word !== 0; word &= word - 1) yield i * 32 + 31 - Math.clz32(word & -word)
}

/** Keeps in `bits` what is in `others` as well. */
export function keepBits(bits: Bits, others: Bits): void {
  for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] ?? 0) & (others[i] ?? 0)
}

/** Adds the others to `bits`. */
export function addBits(bits: Bits, others: Bits): void {
  for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] ?? 0) | (others[i] ?? 0)
}

/** Takes the others out of `bits`. */
export function removeBits(bits: Bits, others: Bits): void {
  for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] ?? 0) & ~(others[i] ?? 0)
}

/** The lowest number in `bits` and in `mask`, but not in `without`; -1 if there is none. */
export function firstBit(bits: Bits, mask: Bits, without?: Bits): number {
  for (let i = 0; i < bits.length; i++) {
    const word = (bits[i] ?? 0) & (mask[i] ?? 0) & ~(without?.[i] ?? 0)
    if (word !== 0) return i * 32 + 31 - Math.clz32(word & -word)
  }
  return -1
}
