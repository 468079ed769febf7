import { load, YAMLException } from 'js-yaml'
import { type Document, documentOf, parseSource } from './document.ts'
import { bulkSchema } from './scalars.ts'
import { isBlank, type Slice, splitJson, splitYaml } from './split-documents.ts'

/** Something in the input that cannot be read: where, why, and the way out. */
export interface InputFailure {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly text: string
}

/** What a document holds, or why that is not known. */
export type ReadDocument =
  | { readonly document: Document; readonly value: unknown }
  | { readonly document: Document; readonly failure: InputFailure }

/** Aliases share what they name; without a bound a small file could stand for a huge one. */
const mostAliases = 500

/** Kubernetes' objects are far shallower. */
const deepest = 200

/** Every document of a file, each read alone. Empty ones (white space and comments) are left out. */
export function readDocuments(file: string, text: string): ReadDocument[] {
  return slicesOf(text).map((slice) => readSlice(file, slice))
}

function slicesOf(text: string): Slice[] {
  // kubectl takes a text for JSON when its first character is a brace.
  const json = /^\uFEFF?\s*\{/.test(text) ? splitJson(text.replace(/^\uFEFF/, ' ')) : undefined
  return json ?? splitYaml(text).filter((slice) => !isBlank(slice.text.replace(/^\uFEFF/, '')))
}

function readSlice(file: string, slice: Slice): ReadDocument {
  const document = documentOf(file, slice)
  const read = readValue(slice.text)
  if (!('failure' in read)) return { document, value: read.value }
  const { failure, line, column } = read
  return { document, failure: { file, line: slice.line + line, column: column + 1, text: `not YAML: ${failure}` } }
}

/** The value of one document, read as kubectl reads it; or why it is none, with 0-based line and column. */
export function readValue(
  text: string,
): { readonly value: unknown } | { readonly failure: string; readonly line: number; readonly column: number } {
  if (text.startsWith('{'))
    try {
      return { value: JSON.parse(text) }
    } catch {
      // YAML's flow style looks the same.
    }
  try {
    return { value: load(text, { schema: bulkSchema, json: true, maxAliases: mostAliases, maxDepth: deepest }) }
  } catch (error) {
    if (!(error instanceof YAMLException)) return { failure: String(error), line: 0, column: 0 }
    const second = readLeniently(text)
    if (second !== undefined) return second
    return { failure: error.reason, line: error.mark?.line ?? 0, column: error.mark?.column ?? 0 }
  }
}

/** Above this size a document that js-yaml refuses is not tried again: errors are slow to collect. */
const mostRetriedLength = 1024 * 1024

/**
 * js-yaml refuses some documents that kubectl takes, such as a quoted text whose last line is indented less than its key.
 * `yaml` takes them.
 */
function readLeniently(text: string): { readonly value: unknown } | undefined {
  if (text.length > mostRetriedLength) return undefined
  try {
    const source = parseSource(text)
    return source.errors.length === 0 ? { value: source.toJS({ maxAliasCount: mostAliases }) } : undefined
  } catch {
    return undefined
  }
}

/** The only document of a text, for a file that must hold one. */
export function readDocument(file: string, text: string): ReadDocument {
  const [first, second] = readDocuments(file, text)
  if (first === undefined) return { document: documentOf(file, { text: '', offset: 0, line: 1 }), value: undefined }
  if (second === undefined) return first
  const { line, column } = second.document.place([])
  return {
    document: second.document,
    failure: { file, line, column, text: 'there is a second document; only one is read' },
  }
}
