import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Document as YamlDocument,
} from 'yaml'
import type { Path } from '../k8s/json.ts'
import { sourceTags } from './scalars.ts'
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
   */
  place(path: Path): Place
}

/** Larger documents get the place of their first line only: positions cost about 0.4 s per MiB. */
const mostPlacedLength = 4 * 1024 * 1024

export function documentOf(file: string, { text, offset, line }: Slice): Document {
  let source: { readonly root: YamlDocument; readonly lineStarts: readonly number[] } | undefined
  const at = (position: number, lineStarts: readonly number[]) => {
    const index = lastAtMost(lineStarts, position)
    return { line: line + index, column: position - (lineStarts[index] ?? 0) + 1 }
  }
  return {
    file,
    text,
    offset,
    place(path) {
      if (text.length > mostPlacedLength) return { line, column: 1, endLine: line, endColumn: 1 }
      source ??= { root: parseSource(text), lineStarts: lineStartsOf(text) }
      const [from, to] = rangeOf(source.root, path)
      const start = at(from, source.lineStarts)
      const end = at(endOfValue(text, from, to), source.lineStarts)
      return { ...start, endLine: end.line, endColumn: end.column }
    },
  }
}

/** The document with its nodes' source ranges, read as kubectl reads scalars. Tabs are only ever white space in JSON. */
export function parseSource(text: string): YamlDocument {
  const json = /^\s*[{[]/.test(text)
  return parseDocument(json ? text.replaceAll('\t', ' ') : text, {
    schema: 'failsafe',
    customTags: sourceTags,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  })
}

/** From the document's root, the range of the last node on the path. */
function rangeOf(root: YamlDocument, path: Path): readonly [number, number] {
  let node: unknown = root.contents
  let best: readonly [number, number] = rangeOfNode(node) ?? [0, 0]
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(root)
    if (isSeq(node)) node = typeof step === 'number' ? node.items[step] : undefined
    else if (isMap(node)) {
      const pair = findPair(node.items, String(step), root)
      if (!pair) return best
      node = pair.value
      // An empty value has no place of its own.
      best = (isEmpty(node) ? undefined : rangeOfNode(node)) ?? rangeOfNode(pair.key) ?? best
      continue
    } else return best
    const range = rangeOfNode(node)
    if (!range) return best
    best = range
  }
  return best
}

/** The pair of this key: the last one wins, as in kubectl; merged maps (`<<`) come after the map's own. */
function findPair(items: readonly Pair[], key: string, root: YamlDocument): Pair | undefined {
  const own = items.findLast((pair) => isScalar(pair.key) && String(pair.key.value) === key)
  if (own) return own
  for (const pair of items) {
    if (!isPair(pair) || !isScalar(pair.key) || (pair.key.value !== '<<' && pair.key.source !== '<<')) continue
    const merged = isSeq(pair.value) ? pair.value.items : [pair.value]
    for (const candidate of merged) {
      const map = isAlias(candidate) ? candidate.resolve(root) : candidate
      const found = isMap(map) ? findPair(map.items, key, root) : undefined
      if (found) return found
    }
  }
  return undefined
}

/** Is there nothing where a value could be (`key:`)? */
export function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && (node.source ?? '') === '')
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
