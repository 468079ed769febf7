import type { Labels } from '../k8s/selector.ts'
import { type Box, contains } from './box.ts'
import { patternOf } from './pattern.ts'

/**
 * Which of many boxes hold an object with these labels? Those that ask for one of a few values of some label are found by
 * that value; only the others are gone through.
 *
 * @param prefix of the keys that count; a box's other terms are not asked
 */
export function indexBoxes<T>(items: readonly T[], boxOf: (item: T) => Box, prefix: string): (labels: Labels) => T[] {
  const byLabel = new Map<string, { readonly item: T; readonly place: number }[]>()
  const others: { readonly item: T; readonly place: number }[] = []
  for (const [place, item] of items.entries()) {
    const keys = listedLabels(boxOf(item), prefix)
    if (keys === undefined) others.push({ item, place })
    for (const key of keys ?? []) {
      const known = byLabel.get(key)
      if (known) known.push({ item, place })
      else byLabel.set(key, [{ item, place }])
    }
  }
  return (labels) => {
    const candidates = [...others]
    for (const [key, value] of Object.entries(labels)) candidates.push(...(byLabel.get(labelKey(key, value)) ?? []))
    return candidates
      .filter(({ item }) => contains(boxOf(item), labels, prefix))
      .sort((left, right) => left.place - right.place)
      .map(({ item }) => item)
  }
}

/** The `key=value` of which an object must have one, if the box has such a term. */
function listedLabels(box: Box, prefix: string): string[] | undefined {
  for (const [key, { listed, except, absent }] of box)
    if (key.startsWith(prefix) && key !== prefix && !except && !absent && !patternOf(key))
      return [...listed].map((value) => labelKey(key.slice(prefix.length), value))
  return undefined
}

function labelKey(key: string, value: string | null): string {
  return JSON.stringify([key, value ?? ''])
}
