import { formatPath, isObject, jsonEqual, own, type Path } from '../k8s/json.ts'
import { type Edit, EditError } from './edit.ts'

/**
 * The object after one edit: the definition of what an edit means. The object itself is not changed; what the edit does
 * not touch is shared with the result. An edit that changes nothing returns the very same object.
 *
 * @param object any JSON value
 * @throws EditError when the path runs through a scalar, or names a list element that is not there
 */
export function applyEdit(object: unknown, edit: Edit): unknown {
  return change(object, edit.path, 0, edit)
}

/** {@link applyEdit}, one after the other: a later path is read in the object as the earlier edits left it. */
export function applyEdits(object: unknown, edits: readonly Edit[]): unknown {
  return edits.reduce(applyEdit, object)
}

function change(value: unknown, path: Path, depth: number, edit: Edit): unknown {
  const step = path[depth]
  if (step === undefined) return atTarget(value, edit)
  const leaves = edit.op === 'remove' && depth === path.length - 1

  if (typeof step === 'number') {
    if (edit.op === 'remove' && isMissing(value, step)) return value
    if (!Array.isArray(value) || !Number.isInteger(step) || step < 0 || step >= value.length)
      throw new EditError(`there is no list element ${formatPath(path.slice(0, depth + 1))}`)
    if (leaves) return value.toSpliced(step, 1)
    const after = change(value[step], path, depth + 1, edit)
    return after === value[step] ? value : value.with(step, after)
  }

  if (value != null && !isObject(value))
    throw new EditError(
      `${depth === 0 ? 'the object' : formatPath(path.slice(0, depth))} is no map, so it has no ${step}`,
    )
  const map = value ?? {}
  const present = Object.hasOwn(map, step)
  if (edit.op === 'remove' && !present) return value
  if (leaves) return withoutMember(map, step)
  const before = own(map, step)
  const after = change(before, path, depth + 1, edit)
  return present && after === before ? value : withMember(map, step, after)
}

function atTarget(value: unknown, edit: Edit): unknown {
  switch (edit.op) {
    case 'set':
      return jsonEqual(value, edit.value) ? value : edit.value
    case 'append':
      if (value == null) return [edit.value]
      if (!Array.isArray(value)) throw new EditError(`${formatPath(edit.path)} is no list`)
      return [...value, edit.value]
    case 'remove':
      throw new EditError('the whole object cannot be removed')
  }
}

/** Is there no such element, so that there is nothing to remove? Below a scalar or a map, the path itself is wrong. */
function isMissing(value: unknown, index: number): boolean {
  return value == null || (Array.isArray(value) && index >= value.length)
}

// Entries, not spread and assignment: those give `__proto__` a meaning, and it is a legal key.
function withMember(map: Readonly<Record<string, unknown>>, key: string, member: unknown): unknown {
  const entries = Object.entries(map)
  if (!Object.hasOwn(map, key)) return Object.fromEntries([...entries, [key, member]])
  return Object.fromEntries(entries.map(([name, value]) => [name, name === key ? member : value]))
}

function withoutMember(map: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.fromEntries(Object.entries(map).filter(([name]) => name !== key))
}
