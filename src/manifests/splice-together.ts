import { applyEdit } from '../core/apply-edit.ts'
import { type Edit, EditError } from '../core/edit.ts'
import { jsonEqual, type Path } from '../k8s/json.ts'
import type { Cut } from './cut.ts'
import { parseSource } from './document.ts'
import { readValue } from './read-document.ts'
import { cutsFor } from './splice-cuts.ts'
import { isJson, styleOf } from './style-of.ts'

/** One edit to one resource of a document. */
export interface SingleEdit {
  /** Where the resource lies in the document. No two of the resources are the same. */
  readonly prefix: Path
  /** Its path starts at the resource. */
  readonly edit: Edit
}

/**
 * A document after edits to several of its resources, with the text read once before and once after all of them: a `List`
 * may have thousands, and reading it anew for each takes as many times as long.
 *
 * Undefined where that is not exactly what the edits mean, or not certain to be: then they must be made one by one, which
 * knows further ways to write an edit and says which of them cannot be made.
 */
export function spliceTogether(text: string, edits: readonly SingleEdit[]): string | undefined {
  const read = readValue(text)
  if ('failure' in read) return undefined
  const root = parseSource(text)
  const style = styleOf(text, root)
  let expected = read.value
  const cuts: Cut[] = []
  for (const { prefix, edit } of edits) {
    const whole = { ...edit, path: [...prefix, ...edit.path] }
    let after: unknown
    try {
      after = applyEdit(expected, whole)
    } catch (error) {
      if (error instanceof EditError) return undefined
      throw error
    }
    if (after === expected) continue
    const cut = cutsFor(text, root, whole.path, whole, style).next()
    if (cut.done) return undefined
    cuts.push(cut.value)
    expected = after
  }
  const next = applyCuts(text, cuts)
  if (next === undefined || (style.json && !isJson(next))) return undefined
  const readAgain = readValue(next)
  return !('failure' in readAgain) && jsonEqual(readAgain.value, expected) ? next : undefined
}

/** The text with all cuts made, or undefined where two of them touch. */
function applyCuts(text: string, cuts: readonly Cut[]): string | undefined {
  const pieces: string[] = []
  let done = 0
  for (const [index, cut] of cuts.toSorted((a, b) => a.from - b.from).entries()) {
    if (index > 0 && cut.from <= done) return undefined
    pieces.push(text.slice(done, cut.from), cut.text)
    done = cut.to
  }
  return pieces.join('') + text.slice(done)
}
