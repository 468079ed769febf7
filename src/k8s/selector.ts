import { isUnresolved, own } from './json.ts'
import type { LabelSelector } from './spec-shapes.ts'

/** Labels of an object, or of a Pod template. Absent keys are absent, also `constructor`. */
export type Labels = Readonly<Record<string, string | null>>

/**
 * Does a label selector match these labels? As apimachinery does it (pkg/labels/selector.go, Requirement.Matches):
 * all terms must hold; `NotIn` and `DoesNotExist` hold for an absent key; an empty selector matches everything.
 * A selector with a term that the API refuses ({@link isTerm}) matches nothing.
 */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  const { matchLabels } = selector
  for (const key of Object.keys(matchLabels ?? {}))
    if ((own(labels, key) ?? (Object.hasOwn(labels, key) ? '' : undefined)) !== (own(matchLabels, key) ?? ''))
      return false
  for (const term of selector.matchExpressions ?? []) {
    if (!isTerm(term)) return false
    const key = term.key ?? ''
    const present = Object.hasOwn(labels, key)
    const listed = present && (term.values ?? []).some((value) => (value ?? '') === (own(labels, key) ?? ''))
    switch (term.operator) {
      case 'In':
        if (!listed) return false
        break
      case 'NotIn':
        if (listed) return false
        break
      case 'Exists':
        if (!present) return false
        break
      case 'DoesNotExist':
        if (present) return false
        break
    }
  }
  return true
}

type WireTerm = NonNullable<LabelSelector['matchExpressions']>[number]

/** A term as the API takes it. */
export type Term = NonNullable<WireTerm> & { readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' }

/**
 * Does the API take this term? As apimachinery's labels.NewRequirement: four operators; `In` and `NotIn` need values, the
 * other two must have none. A selector with another term is an error there, which nobody turns into a match.
 */
export function isTerm(term: WireTerm): term is Term {
  const values = term?.values ?? []
  switch (term?.operator) {
    case 'In':
    case 'NotIn':
      return values.length > 0
    case 'Exists':
    case 'DoesNotExist':
      return values.length === 0
    default:
      return false
  }
}

/** Does a plain map selector (Service, ReplicationController) match? An absent or empty one selects nothing. */
export function selectsByMap(selector: Labels | null | undefined, labels: Labels): boolean {
  return selector != null && Object.keys(selector).length > 0 && selects({ matchLabels: selector }, labels)
}

/** Does a selector still hold a `${VAR}`? */
export function isUnresolvedSelector(selector: LabelSelector | null | undefined): boolean {
  const values = [
    ...Object.entries(selector?.matchLabels ?? {}).flat(),
    ...(selector?.matchExpressions ?? []).flatMap((term) => [term?.key, ...(term?.values ?? [])]),
  ]
  return values.some(isUnresolved)
}
