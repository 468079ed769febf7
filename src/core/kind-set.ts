import { type KindName, kinds } from '../k8s/kinds.ts'

/**
 * A set of kinds, a bit for each, in the 52 of a number that come in two halves: bit operators know 32. What was read is noted
 * at every step of every rule, so that a set must cost nothing.
 */
export type KindSet = number

export const noKinds: KindSet = 0

const lowWidth = 26
const half = 2 ** lowWidth
const lowBits = half - 1

const names = Object.keys(kinds) as KindName[]
const bits = new Map(names.map((kind, i) => [kind, 2 ** i]))

function highOf(set: KindSet): number {
  return Math.floor(set / half)
}

/** The set of these. */
export function setOfKinds(kinds: Iterable<KindName>): KindSet {
  let set = noKinds
  for (const kind of kinds) set = unionOfKinds(set, onlyKind(kind))
  return set
}

/** The set of this one. */
export function onlyKind(kind: KindName): KindSet {
  return bits.get(kind) ?? noKinds
}

/** The kinds in either. */
export function unionOfKinds(left: KindSet, right: KindSet): KindSet {
  return (highOf(left) | highOf(right)) * half + ((left | right) & lowBits)
}

/** Is every kind of the one in the other? */
export function isSubsetOfKinds(left: KindSet, right: KindSet): boolean {
  return (left & ~right & lowBits) === 0 && (highOf(left) & ~highOf(right)) === 0
}

export function hasKind(set: KindSet, kind: KindName): boolean {
  return isSubsetOfKinds(onlyKind(kind), set)
}

export function kindsIn(set: KindSet): KindName[] {
  const found: KindName[] = []
  collect(set & lowBits, 0, found)
  collect(highOf(set), lowWidth, found)
  return found
}

/** From the lowest bit on, which is the order of the kinds. */
function collect(bits: number, first: number, found: KindName[]): void {
  for (let rest = bits; rest !== 0; rest &= rest - 1) {
    const kind = names[first + 31 - Math.clz32(rest & -rest)]
    if (kind !== undefined) found.push(kind)
  }
}
