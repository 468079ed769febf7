import { isAlias, isMap, isScalar, isSeq, type Pair, type YAMLMap, type Document as YamlDocument } from 'yaml'
import { isMergeKey } from './source-tags.ts'

/** Finds pairs by their keys, each map being walked once: a map may have a hundred thousand keys, and as many findings. */
export interface PairIndex {
  /** The pair that decides on the key: the last one that has it, or that merges (`<<`) a map which has it. */
  find(map: YAMLMap, key: string): Pair | undefined
  /** Of the pairs that have the key themselves, the one of this number, from 0. */
  entry(map: YAMLMap, key: string, number: number): Pair | undefined
}

/** Pairs of one map with their numbers, by key, and those that merge. */
interface Indexed {
  readonly byKey: ReadonlyMap<string, readonly Numbered[]>
  readonly merging: readonly Numbered[]
}
type Numbered = readonly [number: number, pair: Pair]

export function createPairIndex(root: YamlDocument): PairIndex {
  const known = new Map<YAMLMap, Indexed>()
  const resolve = (node: unknown) => (isAlias(node) ? node.resolve(root) : node)
  const indexOf = (map: YAMLMap): Indexed => {
    const earlier = known.get(map)
    if (earlier) return earlier
    const byKey = new Map<string, Numbered[]>()
    const merging: Numbered[] = []
    for (const [i, pair] of map.items.entries()) {
      const key = resolve(pair.key)
      if (isMergeKey(key)) merging.push([i, pair])
      else if (isScalar(key)) {
        const name = String(key.value)
        const pairs = byKey.get(name)
        if (pairs) pairs.push([i, pair])
        else byKey.set(name, [[i, pair]])
      }
    }
    const indexed = { byKey, merging }
    known.set(map, indexed)
    return indexed
  }
  // Maps that merge each other need not be searched twice.
  const find = (map: YAMLMap, key: string, searched: Set<YAMLMap>): Pair | undefined => {
    if (searched.has(map)) return undefined
    searched.add(map)
    const { byKey, merging } = indexOf(map)
    const [number, own] = byKey.get(key)?.at(-1) ?? [-1]
    for (const [i, pair] of merging.toReversed()) {
      if (i < number) break
      const sources = resolve(pair.value)
      for (const source of isSeq(sources) ? sources.items : [sources]) {
        const merged = resolve(source)
        const found = isMap(merged) ? find(merged, key, searched) : undefined
        if (found) return found
      }
    }
    return own
  }
  return {
    find: (map, key) => find(map, key, new Set()),
    entry: (map, key, number) => indexOf(map).byKey.get(key)?.[number]?.[1],
  }
}
