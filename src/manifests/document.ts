import { isAlias, isMap, isPair, isScalar, isSeq, type Node, parseDocument, type Document as YamlDocument } from 'yaml'
import type { Path } from '../k8s/json.ts'
import { createPairIndex, type PairIndex } from './pair-index.ts'
import { sourceTags } from './source-tags.ts'
import type { Slice } from './split-documents.ts'

/** A region of a file: lines and columns are 1-based, columns count UTF-16 units, the end is exclusive. */
export interface Place {
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
}

/** One document of a file, and where everything in it lies. */
export interface Document {
  /** The file as it was named. */
  readonly file: string
  /** The document's own text. */
  readonly text: string
  /** Where that text starts in the file, in UTF-16 units. */
  readonly offset: number
  /**
   * Where the value lies that a path leads to; for a path that ends early, the last value on it. The text is parsed for
   * positions on first use only: most documents have no findings.
   *
   * @param entry where the path's last key stands several times: the key's own place in the entry of this number, from 0,
   * instead of the value that counts
   */
  place(path: Path, entry?: number): Place
}

/** Denser documents get the place of their first line only: positions cost about 1 KiB and 10 µs for each mark. */
const mostPlacedMarks = 200_000

/** Are positions too much to ask for, in memory and time? */
export function isTooDense(text: string): boolean {
  return hasMoreMarks(text, mostPlacedMarks)
}

/** How much work a text can be: are there more line ends, colons, commas and opening brackets than this? */
export function hasMoreMarks(text: string, most: number): boolean {
  if (text.length <= most) return false
  let marks = 0
  for (let at = 0; at < text.length; at++) if (isMark(text.charCodeAt(at)) && ++marks > most) return true
  return false
}

/** One of: line feed, `,`, `:`, `[`, `{`. */
function isMark(code: number): boolean {
  return code === 10 || code === 44 || code === 58 || code === 91 || code === 123
}

export function documentOf(file: string, { text, offset, line, column }: Slice): Document {
  const at = (position: number, lineStarts: readonly number[]) => {
    const index = lastAtMost(lineStarts, position)
    return { line: line + index, column: position - (lineStarts[index] ?? 0) + (index === 0 ? column : 1) }
  }
  // Asked once per finding: a `List` may have thousands of them, and each answer is a walk through all of its text.
  let dense: boolean | undefined
  return {
    file,
    text,
    offset,
    place(path, entry) {
      dense ??= isTooDense(text)
      if (dense) return { line, column, endLine: line, endColumn: column }
      const source = sourceOf(text)
      const { lineStarts } = source
      const [from, to] = rangeOf(source, path, entry)
      const start = at(from, lineStarts)
      const end = at(endOfValue(text, from, to), lineStarts)
      return { ...start, endLine: end.line, endColumn: end.column }
    },
  }
}

interface Source {
  readonly root: YamlDocument
  readonly pairs: PairIndex
  readonly lineStarts: readonly number[]
}

/** The document that was looked into last. Its tree is large: keeping those of a whole repository would fill the memory. */
let latest: { readonly text: string; readonly source: Source } | undefined

function sourceOf(text: string): Source {
  if (latest?.text !== text) {
    const root = parseSource(text)
    latest = { text, source: { root, pairs: createPairIndex(root), lineStarts: lineStartsOf(text) } }
  }
  return latest.source
}

/**
 * The document with its nodes' source ranges, read as kubectl reads scalars. In JSON a line may be indented with tabs. A
 * carriage return alone ends a line, as in js-yaml. Both are replaced by one character, so that positions hold.
 */
export function parseSource(text: string): YamlDocument {
  const lines = text.includes('\r') ? text.replaceAll(/\r(?!\n)/g, '\n') : text
  const tabs = lines.includes('\t') && /^\s*[{[]/.test(lines)
  return parseDocument(tabs ? lines.replaceAll(/^[ \t]+/gm, (indent) => ' '.repeat(indent.length)) : lines, {
    schema: 'failsafe',
    customTags: sourceTags,
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  })
}

/** From the document's root, the range of the last node on the path, or of the key in one entry of several. */
function rangeOf({ root, pairs }: Source, path: Path, entry: number | undefined): readonly [number, number] {
  let node: unknown = root.contents
  let best: readonly [number, number] = spanOf(node) ?? [0, 0]
  for (const [depth, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(root)
    if (isSeq(node)) node = typeof step === 'number' ? node.items[step] : undefined
    else if (isMap(node)) {
      if (entry !== undefined && depth === path.length - 1)
        return spanOf(pairs.entry(node, String(step), entry)?.key) ?? best
      const pair = pairs.find(node, String(step))
      if (!pair) return best
      node = pair.value
      // An empty value has no place of its own.
      best = (isEmpty(node) ? undefined : spanOf(node)) ?? spanOf(pair.key) ?? best
      continue
    } else return best
    const range = spanOf(node)
    if (!range) return best
    best = range
  }
  return best
}

/** Is there nothing where a value could be (`key:`)? */
export function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && (node.source ?? '') === '')
}

/** The last node within a block collection, behind which only white space and comments of its own may come. */
function lastWithin(node: unknown): unknown {
  if ((!isMap(node) && !isSeq(node)) || node.flow === true) return node
  const last: unknown = node.items.at(-1)
  if (!isPair(last)) return last === undefined ? node : lastWithin(last)
  return isEmpty(last.value) ? last.key : lastWithin(last.value)
}

/** From the node's first character to behind the last one that is its value. */
function spanOf(node: unknown): readonly [number, number] | undefined {
  const range = rangeOfNode(node)
  return range && [range[0], rangeOfNode(lastWithin(node))?.[1] ?? range[1]]
}

/** From the node's first character to behind its last; block collections include the white space that follows. */
export function rangeOfNode(node: unknown): readonly [number, number] | undefined {
  const range = (node as Node | null | undefined)?.range
  return range ? [range[0], range[1]] : undefined
}

/** A block collection's range runs to the next node; what is meant ends with its last character. */
function endOfValue(text: string, from: number, to: number): number {
  return from + text.slice(from, to).trimEnd().length
}

function lineStartsOf(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** Index of the last start that is not behind the position. */
function lastAtMost(starts: readonly number[], position: number): number {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((starts[middle] ?? 0) <= position) low = middle
    else high = middle - 1
  }
  return low
}
