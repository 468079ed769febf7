import type { Labels } from '../k8s/selector.ts'
import { type Box, boxKey, contains } from './box.ts'
import { listedTerm } from './box-index.ts'
import { namespaceKey, podKey } from './policy.ts'

/** Things by the boxes that they were filed under, which come and go. Of equal boxes one is kept. */
export interface BoxPostings<T> {
  add(box: Box, item: T): void
  remove(box: Box, item: T): void
  /**
   * Each thing whose box holds the Namespace with these labels, and what of the box is about Namespaces.
   *
   * @param isMeant is a box one that counts, by what of it is about Pods, and about Namespaces? Asked once for equal ones
   */
  holding(
    namespace: Labels,
    isMeant?: (pods: Box, namespaces: Box) => boolean,
  ): Generator<readonly [item: T, namespaces: Box]>
}

/** What boxes have in common that ask the same of Namespaces, by what they ask of Pods. */
interface Place<T> {
  readonly namespaces: Box
  readonly byPods: Map<string, { readonly pods: Box; readonly items: Set<T> }>
}

/** Found by one of the few values that most boxes ask for of some label of the Namespace; only the others are gone through. */
export function createBoxPostings<T>(): BoxPostings<T> {
  const places = new Map<string, Place<T>>()
  const byTerm = new Map<string, Set<Place<T>>>()
  const others = new Set<Place<T>>()

  const file = (place: Place<T>) => {
    const terms = termsOf(place.namespaces)
    if (terms === undefined) others.add(place)
    for (const term of terms ?? []) {
      const known = byTerm.get(term)
      if (known) known.add(place)
      else byTerm.set(term, new Set([place]))
    }
  }
  const drop = (place: Place<T>) => {
    others.delete(place)
    for (const term of termsOf(place.namespaces) ?? []) {
      const known = byTerm.get(term)
      known?.delete(place)
      if (known?.size === 0) byTerm.delete(term)
    }
  }

  return {
    add(box, item) {
      const namespaces = partOf(box, namespaceKey)
      const key = boxKey(namespaces)
      let place = places.get(key)
      if (place === undefined) {
        places.set(key, (place = { namespaces, byPods: new Map() }))
        file(place)
      }
      const pods = partOf(box, podKey)
      const podsKey = boxKey(pods)
      const known = place.byPods.get(podsKey)
      if (known) known.items.add(item)
      else place.byPods.set(podsKey, { pods, items: new Set([item]) })
    },
    remove(box, item) {
      const key = boxKey(partOf(box, namespaceKey))
      const podsKey = boxKey(partOf(box, podKey))
      const place = places.get(key)
      const known = place?.byPods.get(podsKey)
      if (place === undefined || !known?.items.delete(item) || known.items.size > 0) return
      place.byPods.delete(podsKey)
      if (place.byPods.size > 0) return
      places.delete(key)
      drop(place)
    },
    *holding(namespace, isMeant = () => true) {
      const listed = Object.entries(namespace).flatMap(([key, value]) => [
        ...(byTerm.get(termKey(key, value ?? '')) ?? []),
      ])
      for (const { namespaces, byPods } of [...listed, ...others]) {
        if (!contains(namespaces, namespace, namespaceKey)) continue
        for (const { pods, items } of byPods.values())
          if (isMeant(pods, namespaces)) for (const item of items) yield [item, namespaces]
      }
    },
  }
}

/** Of a label of which the box asks for one of a few values, these. */
function termsOf(box: Box): readonly string[] | undefined {
  const term = listedTerm(box, namespaceKey)
  return term && [...term.values].map((value) => termKey(term.key, value))
}

function termKey(key: string, value: string): string {
  return `${key}=${value}`
}

/** The terms of a box with keys of one prefix. */
function partOf(box: Box, prefix: string): Box {
  return new Map([...box].filter(([key]) => key.startsWith(prefix)))
}
