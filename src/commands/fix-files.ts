import { createTwoFilesPatch } from 'diff'
import type { Enforced } from '../core/enforce.ts'
import { describe, type Resource } from '../k8s/resource.ts'
import type { Loaded } from '../manifests/loading.ts'
import { type FileChange, spliceFile } from '../manifests/splice-file.ts'
import { sourceOf } from './examine.ts'

/** A file's text before and after its fixes. */
export interface Change {
  readonly before: string
  readonly after: string
}

/**
 * The texts after every fix that can be written, per file, and what could not be written and why.
 */
export function fixTexts(
  loaded: Loaded,
  enforced: readonly Enforced[],
): { readonly texts: ReadonlyMap<string, Change>; readonly refused: readonly string[] } {
  const changes = new Map<string, (FileChange & { readonly subject: Resource })[]>()
  for (const { finding } of enforced) {
    if (!finding.fix) continue
    const { document, prefix } = sourceOf(loaded, finding.subject)
    const ofFile = changes.get(document.file) ?? []
    changes.set(document.file, ofFile)
    ofFile.push({ document, prefix, edits: finding.fix.edits, subject: finding.subject })
  }
  const refused: string[] = []
  const texts = new Map<string, Change>()
  for (const [file, ofFile] of changes) {
    const before = loaded.texts.get(file)
    if (before === undefined) continue
    const spliced = spliceFile(before, ofFile)
    if (spliced.text !== before) texts.set(file, { before, after: spliced.text })
    for (const { change, reason } of spliced.refused) refused.push(`${file}: ${describe(change.subject)}: ${reason}`)
  }
  return { texts, refused }
}

/** What `--fix` would change in a file, as a unified diff. */
export function diffOf(file: string, { before, after }: Change): string {
  return createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after, '', '', { context: 3 }).replace(/^=+\n/, '')
}
