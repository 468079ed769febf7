import { isMap, isScalar, type Pair, type YAMLMap, type YAMLSeq } from 'yaml'
import type { Cut } from './cut.ts'
import { isEmpty, rangeOfNode } from './document.ts'
import { lineEnd } from './text-lines.ts'

type Collection = YAMLMap | YAMLSeq

/** The pair that counts: of two with the same key, kubectl takes the last. */
export function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.findLast((pair) => isScalar(pair.key) && String(pair.key.value) === key)
}

/** From the first to behind the last character of an item: of its key and its value in a map. */
export function boundsOf(text: string, collection: Collection, item: unknown): readonly [number, number] | undefined {
  if (!isMap(collection)) return rangeOfNode(item)
  const { key, value } = item as Pair
  const first = rangeOfNode(key)
  if (!first) return undefined
  const last = isEmpty(value) ? undefined : rangeOfNode(value)
  return [first[0], last?.[1] ?? endOfKey(text, first[1])]
}

/** The bounds of the last item of a collection; undefined when there is none. */
export function boundsOfLast(text: string, collection: Collection): readonly [number, number] | undefined {
  const last: unknown = collection.items.at(-1)
  return last === undefined ? undefined : boundsOf(text, collection, last)
}

/** Behind the colon of a key that ends at this position; there may be no colon in flow style. */
export function endOfKey(text: string, end: number): number {
  let colon = end
  while (text[colon] === ' ' || text[colon] === '\t') colon++
  return text[colon] === ':' ? colon + 1 : end
}

/** Puts a short value behind a key, with the comment there, instead of the lines below that end at `to`. */
export function* behindKey(text: string, pair: Pair, to: number, written: string): Generator<Cut> {
  const key = rangeOfNode(pair.key)
  if (!key) return
  const from = endOfKey(text, key[1])
  yield { from, to, text: ` ${written}${text.slice(from, lineEnd(text, from))}` }
}
