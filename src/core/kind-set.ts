import { type KindName, kinds } from '../k8s/kinds.ts'

/** A set of kinds, a bit for each (there are not more than 31): what was read is noted at every step of every rule. */
export type KindSet = number

export const noKinds: KindSet = 0

const names = Object.keys(kinds) as KindName[]
const bits = new Map(names.map((kind, i) => [kind, 1 << i]))

/** The set of this one. */
export function onlyKind(kind: KindName): KindSet {
  return bits.get(kind) ?? noKinds
}

export function hasKind(set: KindSet, kind: KindName): boolean {
  return (set & onlyKind(kind)) !== 0
}

export function kindsIn(set: KindSet): KindName[] {
  return names.filter((kind) => hasKind(set, kind))
}
