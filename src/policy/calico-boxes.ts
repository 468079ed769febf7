import { type Box, boxOf, intersect, isEmpty, requireAbsence, requirePattern, requirePresence } from './box.ts'
import type { CalicoSelector } from './calico-selector.ts'

/** Beyond so many boxes a selector is not worth having: it is taken as unknown. */
const mostBoxes = 32

/** A label's key, as boxes name it; or that nobody here knows the label (`unknown`), or that its value is always the same. */
export type KeyOf = (key: string) => { readonly key: string } | { readonly value: string } | 'unknown'

/**
 * A selector as boxes: it holds for what is in any of them (its disjunctive normal form). Undefined where it asks for a label
 * that is not known, or needs too many boxes.
 *
 * @param negated the boxes of what the selector does not select
 */
export function boxesOf(selector: CalicoSelector, keyOf: KeyOf, negated = false): readonly Box[] | undefined {
  switch (selector.is) {
    case 'all':
    // Of Pods it says nothing; elsewhere, namespaceSelector, who calls knows what it means.
    case 'global':
      return negated ? [] : [new Map()]
    case 'not':
      return boxesOf(selector.of, keyOf, !negated)
    case 'and':
    case 'or': {
      const all = selector.of.map((one) => boxesOf(one, keyOf, negated))
      const known = all.filter((boxes) => boxes !== undefined)
      if (known.length < all.length) return undefined
      return (selector.is === 'or') === negated ? product(known) : limited(known.flat())
    }
    default:
      return termBoxes(selector, keyOf, negated)
  }
}

type Term = Exclude<CalicoSelector, { readonly is: 'all' | 'global' | 'not' | 'and' | 'or' }>

function termBoxes(term: Term, keyOf: KeyOf, negated: boolean): readonly Box[] | undefined {
  const found = keyOf(term.key)
  if (found === 'unknown') return undefined
  if ('value' in found) return holdsFor(term, found.value) === negated ? [] : [new Map()]
  const { key } = found
  switch (term.is) {
    case 'has':
      return [negated ? requireAbsence(new Map(), key) : requirePresence(new Map(), key)]
    case 'in':
    case 'not in': {
      const operator = (term.is === 'in') === negated ? 'NotIn' : 'In'
      // An empty set is no term of Kubernetes: nothing is in it.
      if (term.values.length === 0) return operator === 'In' ? [] : [new Map()]
      const box = boxOf({ matchExpressions: [{ key, operator, values: term.values }] }, '')
      return box && [box]
    }
    default:
      return [requirePattern(new Map(), key, term.is, term.text, !negated)]
  }
}

/** Does a term hold for a label that has this value? */
function holdsFor(term: Term, value: string): boolean {
  switch (term.is) {
    case 'has':
      return true
    case 'in':
      return term.values.includes(value)
    case 'not in':
      return !term.values.includes(value)
    case 'contains':
      return value.includes(term.text)
    case 'starts with':
      return value.startsWith(term.text)
    case 'ends with':
      return value.endsWith(term.text)
  }
}

/** What is in a box of each of the lists. */
export function product(lists: readonly (readonly Box[])[]): readonly Box[] | undefined {
  let boxes: readonly Box[] = [new Map()]
  for (const list of lists) {
    const next = limited(
      boxes.flatMap((box) => list.map((other) => intersect(box, other))).filter((box) => !isEmpty(box)),
    )
    if (!next) return undefined
    boxes = next
  }
  return boxes
}

function limited(boxes: readonly Box[]): readonly Box[] | undefined {
  return boxes.length <= mostBoxes ? boxes : undefined
}
