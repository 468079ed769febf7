import { applyEdit } from '../core/apply-edit.ts'
import { type Edit, EditError } from '../core/edit.ts'
import { formatPath, jsonEqual, type Path } from '../k8s/json.ts'
import { applyCut } from './cut.ts'
import { isTooDense, parseSource } from './document.ts'
import { readValue } from './read-document.ts'
import { cutsFor } from './splice-cuts.ts'
import { isJson } from './style-of.ts'

/** The changed text, or why the change is only advice. */
export type Spliced = { readonly text: string } | { readonly refused: string }

/**
 * A YAML or JSON document after some edits, changed in place: comments, quotes, order and line ends stay, and every byte
 * outside the change is the same. New keys and items follow the style around them. Either all edits are made or none.
 *
 * After each edit the text is read again as kubectl reads it. Unless it holds exactly what {@link applyEdit} says, the
 * edit is refused: so a node that an alias repeats elsewhere, or a scalar whose end the new line would move, is never
 * changed silently.
 *
 * @param text one document, with its markers and comments
 * @param prefix where the resource lies in the document (`items[3]` of a List)
 * @param edits paths start at the resource
 */
export function splice(text: string, prefix: Path, edits: readonly Edit[]): Spliced {
  if (isTooDense(text)) return { refused: 'the document is too large to be changed in place' }
  const read = readValue(text)
  if ('failure' in read) return { refused: read.failure }
  let current = text
  let value = read.value
  for (const edit of edits) {
    const whole = { ...edit, path: [...prefix, ...edit.path] }
    let expected: unknown
    try {
      expected = applyEdit(value, whole)
    } catch (error) {
      if (error instanceof EditError) return { refused: error.message }
      throw error
    }
    if (jsonEqual(value, expected)) continue
    const changed = firstThatHolds(current, whole, expected)
    if ('refused' in changed) return { refused: `${formatPath(edit.path)} ${changed.refused}` }
    current = changed.text
    value = expected
  }
  return { text: current }
}

function firstThatHolds(text: string, edit: Edit, expected: unknown): Spliced {
  const json = isJson(text)
  let tried = false
  for (const cut of cutsFor(text, parseSource(text), edit.path, edit)) {
    tried = true
    const next = applyCut(text, cut)
    const read = readValue(next)
    if (!('failure' in read) && jsonEqual(read.value, expected) && (!json || isJson(next))) return { text: next }
  }
  return {
    refused: tried
      ? 'cannot be changed without changing something else'
      : 'is written in a way that cannot be changed in place',
  }
}
