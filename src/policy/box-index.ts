import type { Labels } from '../k8s/selector.ts'
import { type Box, contains, overlaps } from './box.ts'
import { patternOf } from './pattern.ts'

/** Many boxes, found by the few values that most of them ask for of some label; only the others are gone through. */
export interface BoxIndex<T> {
  /** Whose box holds an object with these labels? */
  readonly holding: (labels: Labels) => T[]
  /** Whose box may share something with this one? Those that no single label keeps apart, over keys of any prefix. */
  readonly meeting: (box: Box) => T[]
}

interface Placed<T> {
  readonly item: T
  readonly box: Box
  readonly place: number
}

/** @param prefix of the keys by which boxes are found; for objects, a box's other terms are not asked */
export function indexBoxes<T>(items: readonly T[], boxOf: (item: T) => Box, prefix: string): BoxIndex<T> {
  const byKey = new Map<string, Map<string, Placed<T>[]>>()
  const others: Placed<T>[] = []
  for (const [place, item] of items.entries()) {
    const placed = { item, box: boxOf(item), place }
    const term = listedTerm(placed.box, prefix)
    if (term === undefined) {
      others.push(placed)
      continue
    }
    let byValue = byKey.get(term.key)
    if (!byValue) byKey.set(term.key, (byValue = new Map()))
    for (const value of term.values) {
      const known = byValue.get(value)
      if (known) known.push(placed)
      else byValue.set(value, [placed])
    }
  }
  return {
    holding(labels) {
      const found = [...others]
      for (const [key, byValue] of byKey) {
        const value = Object.hasOwn(labels, key) ? (labels[key] ?? '') : undefined
        if (value !== undefined) found.push(...(byValue.get(value) ?? []))
      }
      return inOrder(found.filter(({ box }) => contains(box, labels, prefix)))
    },
    meeting(box) {
      const found = new Set(others)
      for (const [key, byValue] of byKey) {
        const values = box.get(prefix + key)
        const asked = values && !values.except && !values.absent ? values.listed : byValue.keys()
        for (const value of asked) for (const placed of byValue.get(value) ?? []) found.add(placed)
      }
      return inOrder([...found].filter((placed) => overlaps(box, placed.box)))
    },
  }
}

function inOrder<T>(found: Placed<T>[]): T[] {
  return found.sort((left, right) => left.place - right.place).map(({ item }) => item)
}

/** The first label of which a box asks for one of a few values: its key without prefix. */
export function listedTerm(
  box: Box,
  prefix: string,
): { readonly key: string; readonly values: ReadonlySet<string> } | undefined {
  for (const [key, { listed, except, absent }] of box)
    if (key.startsWith(prefix) && key !== prefix && !except && !absent && !patternOf(key))
      return { key: key.slice(prefix.length), values: listed }
  return undefined
}

/**
 * Which of many objects does a box hold? Found by a label of which the box asks for one of a few values, if there is one.
 *
 * @param prefix of the keys that count; a box's other terms are not asked
 */
export function indexLabels<T>(
  items: readonly T[],
  labelsOf: (item: T) => Labels,
  prefix: string,
): (box: Box) => readonly T[] {
  const byKey = new Map<string, ReadonlyMap<string, readonly number[]>>()
  return (box) => {
    const holds = (item: T) => contains(box, labelsOf(item), prefix)
    const term = listedTerm(box, prefix)
    if (term === undefined) return items.filter(holds)
    let byValue = byKey.get(term.key)
    if (!byValue) byKey.set(term.key, (byValue = placesByValue(items, labelsOf, term.key)))
    const places = new Set([...term.values].flatMap((value) => byValue.get(value) ?? []))
    return [...places]
      .sort((left, right) => left - right)
      .flatMap((place) => items.slice(place, place + 1))
      .filter(holds)
  }
}

function placesByValue<T>(
  items: readonly T[],
  labelsOf: (item: T) => Labels,
  key: string,
): ReadonlyMap<string, readonly number[]> {
  const byValue = new Map<string, number[]>()
  for (const [place, item] of items.entries()) {
    const labels = labelsOf(item)
    if (!Object.hasOwn(labels, key)) continue
    const value = labels[key] ?? ''
    const known = byValue.get(value)
    if (known) known.push(place)
    else byValue.set(value, [place])
  }
  return byValue
}
