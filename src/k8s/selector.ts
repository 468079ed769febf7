import { own } from './json.ts'
import type { LabelSelector } from './kinds.ts'

/** Labels of an object, or of a Pod template. Absent keys are absent, also `constructor`. */
export type Labels = Readonly<Record<string, string | null>>

/**
 * Does a label selector match these labels? As apimachinery does it (pkg/labels/selector.go, Requirement.Matches):
 * all terms must hold; `NotIn` and `DoesNotExist` hold for an absent key; an empty selector matches everything.
 * A selector with an operator that the API does not know matches nothing.
 */
export function selects(selector: LabelSelector, labels: Labels): boolean {
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    if ((own(labels, key) ?? (Object.hasOwn(labels, key) ? '' : undefined)) !== (value ?? '')) return false
  for (const term of selector.matchExpressions ?? []) {
    const key = term?.key ?? ''
    const present = Object.hasOwn(labels, key)
    const listed = present && (term?.values ?? []).some((value) => (value ?? '') === (own(labels, key) ?? ''))
    switch (term?.operator) {
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
      default:
        return false
    }
  }
  return true
}

/** Does a plain map selector (Service, ReplicationController) match? An absent or empty one selects nothing. */
export function selectsByMap(selector: Labels | null | undefined, labels: Labels): boolean {
  const terms = Object.entries(selector ?? {})
  return terms.length > 0 && selects({ matchLabels: Object.fromEntries(terms) }, labels)
}
