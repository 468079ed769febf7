import type { Edit } from '../core/edit.ts'
import type { Path } from '../k8s/json.ts'
import { type Document, isTooDense } from './document.ts'
import { splice } from './splice.ts'
import { type SingleEdit, spliceTogether } from './splice-together.ts'

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
 * Makes changes to the documents of one file: see {@link splice}. Of those that cannot be made none hides another. The last
 * document goes first, so that offsets hold.
 *
 * @param text the whole file; each document's text lies at its offset
 */
export function spliceFile<C extends FileChange>(text: string, changes: Iterable<C>): SplicedFile<C> {
  const given = [...changes]
  const reasons = new Map<C, string>()
  let after = text
  const documents = Map.groupBy(given, ({ document }) => document.offset)
  for (const [offset, ofDocument] of [...documents].toSorted(([a], [b]) => b - a)) {
    const before = ofDocument[0]?.document.text ?? ''
    const changed = spliceDocument(before, ofDocument, reasons)
    after = after.slice(0, offset) + changed + after.slice(offset + before.length)
  }
  const refused = given.flatMap((change) => {
    const reason = reasons.get(change)
    return reason === undefined ? [] : [{ change, reason }]
  })
  return { text: after, refused }
}

/** Resources that are changed in one place only are changed together; the others after them, one change after the other. */
function spliceDocument<C extends FileChange>(text: string, changes: readonly C[], reasons: Map<C, string>): string {
  const ofResources = [...Map.groupBy(changes, ({ prefix }) => prefix.join('/')).values()]
  const isSimple = (ofResource: readonly C[]) => ofResource.length === 1 && ofResource[0]?.edits.length === 1
  const simple = isTooDense(text) ? [] : ofResources.filter(isSimple).flat()
  const left = new Set(changes).difference(new Set(simple))
  return oneByOne(together(text, simple, reasons), [...left], reasons)
}

/** Where not all can be made together, the halves are tried: so one that cannot be made costs no more than a few readings. */
function together<C extends FileChange>(text: string, changes: readonly C[], reasons: Map<C, string>): string {
  if (changes.length < 2) return oneByOne(text, changes, reasons)
  const edits = changes.flatMap(({ prefix, edits }) => edits.map((edit): SingleEdit => ({ prefix, edit })))
  const all = spliceTogether(text, edits)
  if (all !== undefined) return all
  const middle = changes.length >> 1
  return together(together(text, changes.slice(0, middle), reasons), changes.slice(middle), reasons)
}

function oneByOne<C extends FileChange>(text: string, changes: readonly C[], reasons: Map<C, string>): string {
  let current = text
  for (const change of changes) {
    const result = splice(current, change.prefix, change.edits)
    if ('text' in result) current = result.text
    else reasons.set(change, result.refused)
  }
  return current
}
