import { load, YAMLException } from 'js-yaml'
import { jsonEqual } from '../k8s/json.ts'
import { bulkSchema, type LostEntries, notingLost } from './bulk-schema.ts'
import { type Document, documentOf, hasMoreMarks } from './document.ts'
import { mayRepeatKeys } from './json-pairs.ts'
import { type Refusal, refusalsIn } from './kubectl-refusals.ts'
import { contentStart, isBlank, type Slice, splitJson, splitYaml } from './split-documents.ts'

/** Something in the input that cannot be read: where, why, and the way out. */
export interface InputFailure {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly text: string
}

/** What a document holds, or why that is not known. */
export type ReadDocument =
  | {
      readonly document: Document
      readonly value: unknown
      readonly lost?: LostEntries | undefined
      /** What kubectl refuses or passes over, here or before, though it can be read. */
      readonly refused?: readonly InputFailure[]
    }
  | { readonly document: Document; readonly failure: InputFailure }

/** Kubernetes' objects are far shallower. */
const deepest = 200

/** Aliases cost nothing until somebody walks what they repeat: a small text can stand for a huge object. */
const mostAliases = 10_000
const mostRepeated = 200_000

/** Each mark of a document costs up to 400 bytes while it is read, in JSON up to 100. */
const mostMarks = 1_000_000
export const mostJsonMarks = 4_000_000

/** Keys that `<<` brings. */
const mostMerged = 100_000

/**
 * Every document of a file, each read alone. Empty ones (white space and comments) are left out.
 *
 * @param most reads no more than these
 */
export function readDocuments(file: string, text: string, most = Number.POSITIVE_INFINITY): ReadDocument[] {
  const documents: ReadDocument[] = []
  // kubectl reads no further than to the first.
  const refusals = [...refusalsIn(text).take(mostRefusals)]
  for (const slice of slicesOf(text)) {
    if (documents.length >= most) break
    const end = slice.offset + slice.text.length
    const behind = refusals.findIndex(({ offset }) => offset >= end)
    const refused = refusals.splice(0, behind < 0 ? refusals.length : behind)
    documents.push(withRefused(readSlice(file, slice), refused))
  }
  const last = documents.pop()
  return last ? [...documents, withRefused(last, refusals)] : documents
}

const mostRefusals = 100

function withRefused(read: ReadDocument, refusals: readonly Refusal[]): ReadDocument {
  if (refusals.length === 0 || 'failure' in read) return read
  const { file } = read.document
  const more = refusals.map(({ line, text }) => ({ file, line, column: 1, text }))
  return { ...read, refused: [...(read.refused ?? []), ...more] }
}

function* slicesOf(text: string): Generator<Slice> {
  for (const document of splitYaml(text)) for (const slice of splitJson(document)) if (!isBlank(slice.text)) yield slice
}

function readSlice(file: string, slice: Slice): ReadDocument {
  const document = documentOf(file, slice)
  const read = readValue(slice.text)
  if (!('failure' in read)) return { document, ...read }
  const { failure, line, column } = read
  const place = { line: slice.line + line, column: column + (line === 0 ? slice.column : 1) }
  return { document, failure: { file, ...place, text: failure } }
}

/** The value of one document, with what it says in vain; or why it is none, with 0-based line and column. */
type ReadValue =
  | { readonly value: unknown; readonly lost: LostEntries | undefined }
  | { readonly failure: string; readonly line: number; readonly column: number }

/** The value of one document, read as kubectl reads it. */
export function readValue(text: string): ReadValue {
  if (!text.startsWith('{') || hasMoreMarks(text, mostJsonMarks)) return readYaml(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // YAML's flow style looks the same.
    return readYaml(text)
  }
  if (!mayRepeatKeys(text, value)) return { value, lost: undefined }
  // JSON.parse tells nobody what it lost. Where YAML's reader cannot say it either, the value is still known.
  const again = readYaml(text)
  return 'value' in again && jsonEqual(again.value, value) ? again : { value, lost: undefined }
}

function readYaml(text: string): ReadValue {
  if (hasMoreMarks(text, mostMarks))
    return { failure: `holds more than ${mostMarks} values or lines; split it`, line: 0, column: 0 }
  const start = contentStart(text)
  if (start === text.length) return { value: null, lost: undefined }
  if (badStart.test(text.slice(start, start + 1000)))
    return { failure: 'not YAML: the first line is indented wrongly', line: lineOf(text, start), column: 0 }
  try {
    const { value, lost } = notingLost(() =>
      load(text, {
        schema: bulkSchema,
        json: true,
        maxAliases: mostAliases,
        maxDepth: deepest,
        maxTotalMergeKeys: mostMerged,
      }),
    )
    if (!text.includes('*') || repeated(value) <= mostRepeated) return { value, lost }
    return { failure: `aliases repeat more than ${mostRepeated} values`, line: 0, column: 0 }
  } catch (error) {
    if (!(error instanceof YAMLException)) return { failure: `not YAML: ${String(error)}`, line: 0, column: 0 }
    return {
      failure: `not YAML: ${adviceOn(error.reason)}`,
      line: error.mark?.line ?? 0,
      column: error.mark?.column ?? 0,
    }
  }
}

/** A tab, or a marker that is indented: js-yaml takes it for the start of a key, kubectl for a mistake. In JSON a tab is white space. */
const badStart = /^ *\t\s*[^\s{[]|^[ \t]+---(?:\s|$)/

function lineOf(text: string, position: number): number {
  let line = 0
  for (let at = text.indexOf('\n'); at >= 0 && at < position; at = text.indexOf('\n', at + 1)) line++
  return line
}

function adviceOn(reason: string): string {
  if (reason !== 'deficient indentation') return reason
  return `${reason}: what stands in quotes or brackets must be closed, and indented further than its key`
}

/** How many values somebody meets who walks the whole, besides those that are really there. */
function repeated(root: unknown): number {
  const sizes = new Map<object, number>()
  let there = 0
  const sizeOf = (value: unknown): number => {
    if (typeof value !== 'object' || value === null) return 1
    const known = sizes.get(value)
    if (known !== undefined) return known
    sizes.set(value, Number.POSITIVE_INFINITY) // …for what holds itself
    there++
    let size = 1
    for (const member of Object.values(value)) {
      if (typeof member !== 'object' || member === null) there++
      size += sizeOf(member)
    }
    sizes.set(value, size)
    return size
  }
  return sizeOf(root) - there
}

/** The only document of a text, for a file that must hold one. */
export function readDocument(file: string, text: string): ReadDocument {
  const [first, second] = readDocuments(file, text, 2)
  if (first === undefined)
    return { document: documentOf(file, { text: '', offset: 0, line: 1, column: 1 }), value: undefined }
  if (second === undefined) return first
  const { line, column } = second.document.place([])
  return {
    document: second.document,
    failure: { file, line, column, text: 'there is a second document; only one is read' },
  }
}
