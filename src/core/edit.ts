import type { Json, Path } from '../k8s/json.ts'

/**
 * One change to one object. Each operation means one thing:
 *
 * - `set`: the member `path` names has this value afterwards; missing parents are made as maps.
 * - `append`: the list at `path` has this value as its last element; a missing or null list is made.
 * - `remove`: the member or element `path` names is gone; a missing one is no error.
 *
 * A step that is a number names an existing list element. A path that runs through a scalar is an {@link EditError}.
 */
export type Edit =
  | { readonly op: 'set'; readonly path: Path; readonly value: Json }
  | { readonly op: 'append'; readonly path: Path; readonly value: Json }
  | { readonly op: 'remove'; readonly path: Path }

/** A titled list of edits that cures one finding. The title says what else the change does. */
export interface Fix {
  readonly title: string
  readonly edits: readonly Edit[]
}

/** The edit does not apply to this object. */
export class EditError extends Error {
  override readonly name = 'EditError'
}
