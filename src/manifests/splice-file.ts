import type { Edit } from '../core/edit.ts'
import type { Path } from '../k8s/json.ts'
import type { Document } from './document.ts'
import { splice } from './splice.ts'

/** Edits to one resource of a file. They are made together or not at all. */
export interface FileChange {
  readonly document: Pick<Document, 'offset' | 'text'>
  /** Where the resource lies in its document. */
  readonly prefix: Path
  /** Paths start at the resource. */
  readonly edits: readonly Edit[]
}

/** A file's text with every change that could be made. */
export interface SplicedFile<C extends FileChange> {
  readonly text: string
  /** What could not be written in place, in the order given, and why. */
  readonly refused: readonly { readonly change: C; readonly reason: string }[]
}

/**
 * Makes changes to the documents of one file: see {@link splice}. Changes to the same document are made one after the
 * other, and of those that cannot be made none hides another. The last document goes first, so that offsets hold.
 *
 * @param text the whole file; each document's text lies at its offset
 */
export function spliceFile<C extends FileChange>(text: string, changes: Iterable<C>): SplicedFile<C> {
  const refused: { change: C; reason: string }[] = []
  const documents = new Map<number, { readonly length: number; text: string }>()
  for (const change of changes) {
    const { offset, text: source } = change.document
    const found = documents.get(offset) ?? { length: source.length, text: source }
    documents.set(offset, found)
    const result = splice(found.text, change.prefix, change.edits)
    if ('text' in result) found.text = result.text
    else refused.push({ change, reason: result.refused })
  }
  let after = text
  for (const [offset, changed] of [...documents].toSorted(([a], [b]) => b - a))
    after = after.slice(0, offset) + changed.text + after.slice(offset + changed.length)
  return { text: after, refused }
}
