import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
  type Document as YamlDocument,
} from 'yaml'
import type { Edit } from '../core/edit.ts'
import type { Path } from '../k8s/json.ts'
import { type Cut, insertion } from './cut.ts'
import { isEmpty, rangeOfNode } from './document.ts'
import { behindKey, boundsOfLast, endOfKey, pairOf } from './node-bounds.ts'
import {
  type Lines,
  type Quote,
  renderBelow,
  renderFlow,
  renderItem,
  renderPair,
  renderScalar,
  type Style,
} from './render-yaml.ts'
import { insertInFlow, linesOf } from './splice-flow.ts'
import { removal } from './splice-removal.ts'
import { styleBeside, styleOf } from './style-of.ts'
import { columnOf, indentOf, lineEnd, lineStart, newlineAt, trimmedEnd } from './text-lines.ts'

/**
 * Where and how the text may change for one edit: the way that reads best first. A way can be wrong for this text; who
 * makes the change reads it again, and takes the next way then.
 *
 * @param root the text with its source ranges
 * @param path from the document's root, not from the resource's
 * @param style of the document, where the caller knows it
 */
export function* cutsFor(
  text: string,
  root: YamlDocument,
  path: Path,
  edit: Edit,
  style: Style = styleOf(text, root),
): Generator<Cut> {
  if (edit.op === 'remove') return yield* removal(text, root, path)
  let node: unknown = root.contents
  let around: Around = { text, style }
  for (const [depth, step] of path.entries()) {
    if (isMap(node)) {
      const pair = pairOf(node, String(step))
      if (!pair) return yield* insert(around, node, String(step), nested(path.slice(depth + 1), edit))
      around = aroundOf(text, style, node, pair)
      node = pair.value
    } else if (isSeq(node) && typeof step === 'number') {
      around = aroundOf(text, style, node)
      node = node.items[step]
    } else {
      // Behind an alias another place would change. Anything else is null here, and gives way to a map.
      if (!isAlias(node)) yield* replace(around, node, nested(path.slice(depth), edit))
      return
    }
  }
  if (edit.op === 'append' && isSeq(node)) yield* append(around, node, edit.value)
  else if (edit.op === 'set' || !isAlias(node)) yield* replace(around, node, nested([], edit))
}

/** What surrounds a node. */
interface Around {
  readonly text: string
  /** Of the document. */
  readonly style: Style
  /** The collection that holds the node, with the node's pair if that is a map. */
  readonly parent?: YAMLMap | YAMLSeq
  readonly pair?: Pair
  /** Where the items of that collection have lines of their own in flow style. */
  readonly lines?: Lines
}

function aroundOf(text: string, style: Style, parent: YAMLMap | YAMLSeq, pair?: Pair): Around {
  const lines = linesOf(text, parent)
  return { text, style, parent, ...(pair && { pair }), ...(lines && { lines }) }
}

/** The value that, put where the path starts, has the edit's value where the path ends. */
function nested(path: Path, edit: Exclude<Edit, { op: 'remove' }>): unknown {
  const leaf: unknown = edit.op === 'append' ? [edit.value] : edit.value
  return path.toReversed().reduce<unknown>((value, step) => ({ [step]: value }), leaf)
}

/** Puts a value where another one, or none, is now. */
function* replace(around: Around, node: unknown, value: unknown): Generator<Cut> {
  const { text, parent, pair, lines } = around
  const style = styleBeside(around.style, parent?.items ?? [])
  const range = rangeOfNode(node)
  const key = rangeOfNode(pair?.key)
  const newline = newlineAt(text, key?.[1] ?? 0)
  const below = parent?.flow || !key ? undefined : renderBelow(value, columnOf(text, key[0]), newline, style)
  if (isEmpty(node)) {
    const before = key ? endOfKey(text, key[1]) : behindDash(text, range)
    if (before === undefined) return
    // Lines below go behind whatever comment there is.
    if (below !== undefined) yield insertion(lineEnd(text, before), below)
    else yield insertion(before, ` ${renderFlow(value, style, lines)}`)
    return
  }
  if (!range) return
  const [from] = range
  const to = trimmedEnd(text, from, range[1])
  const block = (isMap(node) || isSeq(node)) && !node.flow
  if (block && below !== undefined && indentOf(text, from).length === columnOf(text, from))
    yield { from: lineStart(text, from), to, text: below.slice(newline.length) }
  const quote: Quote = text[from] === "'" ? 'single' : text[from] === '"' ? 'double' : 'plain'
  const written = typeof value === 'string' ? renderScalar(value, style, quote) : renderFlow(value, style, lines)
  yield { from, to, text: written }
  if (block && pair) yield* behindKey(text, pair, to, written)
}

/** Behind the dash of an empty list item. */
function behindDash(text: string, range: readonly [number, number] | undefined): number | undefined {
  const dash = range ? text.lastIndexOf('-', range[0] - 1) : -1
  return range && dash >= 0 && text.slice(dash + 1, range[0]).trim() === '' ? dash + 1 : undefined
}

/** Adds a key to a map: behind its last one, or, where that cannot be, in front of its first. */
function* insert({ text, style: common, lines }: Around, map: YAMLMap, key: string, value: unknown): Generator<Cut> {
  const range = rangeOfNode(map)
  if (!range) return
  const style = styleBeside(common, map.items)
  if (map.flow) return yield* insertInFlow(text, map, { key, value }, style, lines)
  const indent = columnOf(text, range[0])
  const newline = newlineAt(text, range[0])
  const pair = renderPair(key, value, indent, newline, style)
  yield* behind(text, map, newline, ' '.repeat(indent) + pair)
  yield insertion(range[0], pair + newline + ' '.repeat(indent))
}

/** Adds an item to a list, behind its last one. */
function* append({ text, style: common, lines }: Around, list: YAMLSeq, value: unknown): Generator<Cut> {
  const range = rangeOfNode(list)
  if (!range) return
  const style = styleBeside(common, list.items)
  if (list.flow) return yield* insertInFlow(text, list, { value }, style, lines)
  const dash = columnOf(text, range[0])
  const newline = newlineAt(text, range[0])
  const gap = /^-( +)\S/.exec(text.slice(range[0], range[0] + 16))?.[1] ?? ' '
  const last = list.items.at(-1)
  const flow = (isMap(last) || isSeq(last)) && last.flow === true
  const written = flow ? renderFlow(value, style) : renderItem(value, dash + 1 + gap.length, newline, style)
  yield* behind(text, list, newline, `${' '.repeat(dash)}-${gap}${written}`)
}

/** New lines behind the last line of a block collection, with the comment that stands there. */
function* behind(text: string, collection: YAMLMap | YAMLSeq, newline: string, lines: string): Generator<Cut> {
  const last = boundsOfLast(text, collection)?.[1]
  if (last === undefined) return
  yield insertion(lineEnd(text, last), newline + lines)
  // Empty lines at the end of a block text (`|+`) belong to it.
  const end = endOfBlockText(collection)
  if (end !== undefined) yield insertion(end, text[end - 1] === '\n' ? lines + newline : newline + lines)
}

/** Where the block text ends that a collection ends with. */
function endOfBlockText(collection: YAMLMap | YAMLSeq): number | undefined {
  let node: unknown = collection
  while (isMap(node) || isSeq(node)) {
    const last: unknown = node.items.at(-1)
    node = isMap(node) ? (last as Pair | undefined)?.value : last
  }
  const block = isScalar(node) && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED')
  return block ? rangeOfNode(node)?.[1] : undefined
}
