import { isObject, jsonPointer, type Path, valueAt } from '../k8s/json.ts'
import { applyEdit } from './apply-edit.ts'
import type { Edit } from './edit.ts'

/** One operation of RFC 6902. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string }

/**
 * The edits as RFC 6902, against the object as it came. What an edit does not change makes no operation, so a second run
 * gives an empty patch. A parent that is missing, or null, is added whole: the API server rejects a patch that walks
 * through what is not there, and failurePolicy does not save the request then.
 *
 * No operation repeats what the object already holds: numbers beyond 2^53 that JavaScript cannot carry stay as they are.
 *
 * @throws EditError as {@link applyEdit}
 */
export function toJsonPatch(object: unknown, edits: readonly Edit[]): PatchOperation[] {
  const operations: PatchOperation[] = []
  let before = object
  for (const edit of edits) {
    const after = applyEdit(before, edit)
    if (after !== before) operations.push(operationOf(before, after, edit))
    before = after
  }
  return operations
}

/** The one operation that leads from before to after. The edit applies, and changes something. */
function operationOf(before: unknown, after: unknown, edit: Edit): PatchOperation {
  const { path } = edit
  if (edit.op === 'remove') return { op: 'remove', path: jsonPointer(path) }
  // A null cannot be walked through, and holds no list: it is replaced where a map or a list must be.
  for (let length = 1; length <= path.length; length++) {
    const upTo = path.slice(0, length)
    const whole = { path: jsonPointer(upTo), value: valueAt(after, upTo) }
    if (!isPresent(before, upTo)) return { op: 'add', ...whole }
    if (valueAt(before, upTo) === null && (length < path.length || edit.op === 'append'))
      return { op: 'replace', ...whole }
  }
  if (edit.op === 'append' && Array.isArray(valueAt(before, path)))
    return { op: 'add', path: `${jsonPointer(path)}/-`, value: edit.value }
  return { op: 'replace', path: jsonPointer(path), value: valueAt(after, path) }
}

function isPresent(root: unknown, path: Path): boolean {
  const parent = valueAt(root, path.slice(0, -1))
  return isObject(parent) ? Object.hasOwn(parent, String(path.at(-1))) : Array.isArray(parent)
}
