import { jsonEqual } from '../k8s/json.ts'
import { applyEdits } from './apply-edit.ts'
import { type Edit, EditError, type Fix } from './edit.ts'

/** More fixes than one object can need. Rules that undo each other, or whose fix cures nothing, end here. */
const mostFixes = 100

/** An object with its fixes made. */
export interface Fixed<T> {
  /** The object afterwards; the very same one when nothing was fixed. */
  readonly object: T
  /** Every edit that led there, in order. */
  readonly edits: readonly Edit[]
  /** False when the fixes came to no end. Then nothing is changed: half of a fight is no cure. */
  readonly settled: boolean
}

/**
 * Fixes an object until nothing is left to fix. One fix at a time, the first that applies and changes something: the next
 * analysis sees its effect, so that of two fixes for one cause only one is made, and a fix that no longer fits is not
 * forced. Doing it again changes nothing: `autofix(autofix(x)) = autofix(x)`.
 *
 * @param fixesOf what is to be fixed in an object, as the rules see it; it must depend on nothing but the object
 * @param limit the most fixes that are made
 */
export function autofix<T>(object: T, fixesOf: (object: T) => readonly Fix[], limit: number = mostFixes): Fixed<T> {
  const edits: Edit[] = []
  let current = object
  for (let made = 0; ; made++) {
    const next = firstChange(current, fixesOf(current))
    if (next === undefined) return { object: current, edits, settled: true }
    if (made === limit) return { object, edits: [], settled: false }
    current = next.object
    edits.push(...next.edits)
  }
}

function firstChange<T>(object: T, fixes: readonly Fix[]): { object: T; edits: readonly Edit[] } | undefined {
  for (const { edits } of fixes) {
    try {
      const after = applyEdits(object, edits) as T
      if (!jsonEqual(after, object)) return { object: after, edits }
    } catch (error) {
      // The object is not as the fix expects. It remains advice.
      if (!(error instanceof EditError)) throw error
    }
  }
  return undefined
}
