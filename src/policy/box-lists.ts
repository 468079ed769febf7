import type { Labels } from '../k8s/selector.ts'
import { type Box, contains, overlaps } from './box.ts'
import { indexBoxes } from './box-index.ts'

/** Items found by their boxes, in the order of all; for the same items, the same list. */
export interface BoxLists<T> {
  readonly items: readonly T[]
  readonly holding: (labels: Labels) => readonly T[]
  readonly meeting: (box: Box) => readonly T[]
}

/** A review changes one object, which holds few policies. Where more is new, as after a change of a Namespace, an index is made afresh. */
const mostNews = 16

/**
 * As {@link indexBoxes}.
 *
 * @param base what was made for nearly the same items, in the same order: only what is new is looked at
 */
export function listByBox<T extends object>(
  items: readonly T[],
  boxOf: (item: T) => Box,
  prefix: string,
  base?: BoxLists<T>,
): BoxLists<T> {
  const lists = new Map<string, readonly T[]>()
  let last: readonly T[] | undefined
  const same = (found: readonly T[]) => {
    // Where many are about everybody, a key is long, and the list mostly the one before.
    if (last && isSame(found, last)) return last
    const key = found.map(numberOf).join()
    const list = lists.get(key) ?? found
    lists.set(key, list)
    last = list
    return list
  }
  const news = base && newsIn(items, base.items)
  if (base === undefined || news === undefined) {
    const { holding, meeting } = indexBoxes(items, boxOf, prefix)
    return { items, holding: (labels) => same(holding(labels)), meeting: (box) => same(meeting(box)) }
  }
  const left = new Map<readonly T[], readonly T[]>()
  const leftOf = (before: readonly T[]) => {
    let list = left.get(before)
    if (list === undefined) {
      const isLess = before.some((item) => news.gone.has(item))
      left.set(before, (list = same(isLess ? before.filter((item) => !news.gone.has(item)) : before)))
    }
    return list
  }
  const amend = (before: readonly T[], isFound: (box: Box) => boolean) => {
    const found = news.come.filter(({ item }) => isFound(boxOf(item)))
    if (found.length === 0) return leftOf(before)
    const all = [...leftOf(before)]
    for (const { item, place } of found) {
      const later = new Set(items.slice(place + 1))
      const next = all.findIndex((other) => later.has(other))
      all.splice(next < 0 ? all.length : next, 0, item)
    }
    return same(all)
  }
  return {
    items,
    holding: (labels) => amend(base.holding(labels), (box) => contains(box, labels, prefix)),
    meeting: (box) => amend(base.meeting(box), (other) => overlaps(box, other)),
  }
}

function isSame<T>(left: readonly T[], right: readonly T[]): boolean {
  return left.length === right.length && left.every((item, i) => item === right[i])
}

const numbers = new WeakMap<object, number>()
let latestNumber = 0

/** Of an object, always the same, and no other's. */
function numberOf(item: object): number {
  let number = numbers.get(item)
  if (number === undefined) numbers.set(item, (number = ++latestNumber))
  return number
}

interface News<T> {
  /** In order, each with its place among all. */
  readonly come: readonly { readonly item: T; readonly place: number }[]
  readonly gone: ReadonlySet<T>
}

/** What has come and what has gone; undefined where it is much. The rest is in the same order. */
function newsIn<T>(items: readonly T[], before: readonly T[]): News<T> | undefined {
  const gone = new Set(before)
  const come: { item: T; place: number }[] = []
  let place = -1
  for (const item of items) {
    place++
    if (!gone.delete(item) && come.push({ item, place }) > mostNews) return undefined
  }
  return gone.size > mostNews ? undefined : { come, gone }
}
