import { isMap, isSeq, type Pair, type Document as YamlDocument } from 'yaml'
import type { Path } from '../k8s/json.ts'
import type { Cut } from './cut.ts'
import { rangeOfNode } from './document.ts'
import { behindKey, boundsOf, pairOf } from './node-bounds.ts'
import { lineEnd, lineStart, trimmedEnd } from './text-lines.ts'

/** Takes a key or an item out: its lines in block style, itself and one comma in flow style. */
export function* removal(text: string, root: YamlDocument, path: Path): Generator<Cut> {
  let parent: unknown = root.contents
  let pair: Pair | undefined
  for (const step of path.slice(0, -1)) {
    pair = isMap(parent) ? pairOf(parent, String(step)) : undefined
    if (isMap(parent)) parent = pair?.value
    else parent = isSeq(parent) && typeof step === 'number' ? parent.items[step] : undefined
  }
  if (!isMap(parent) && !isSeq(parent)) return
  const collection = parent
  const step = path.at(-1)
  const index = isMap(collection)
    ? collection.items.findIndex((pair) => pair === pairOf(collection, String(step)))
    : Number(step)
  const all = rangeOfNode(collection)
  const [previous, own, next] = [index - 1, index, index + 1].map((i) => {
    const item: unknown = i < 0 ? undefined : collection.items[i]
    return item === undefined ? undefined : boundsOf(text, collection, item)
  })
  if (!all || !own) return
  if (collection.items.length === 1) {
    const to = trimmedEnd(text, all[0], all[1])
    const brackets = isMap(collection) ? '{}' : '[]'
    if (pair && !collection.flow) yield* behindKey(text, pair, to, brackets)
    yield { from: all[0], to, text: brackets }
    return
  }
  if (collection.flow) {
    if (next) yield { from: own[0], to: next[0], text: '' }
    else if (previous) yield { from: previous[1], to: own[1], text: '' }
    return
  }
  const from = isSeq(collection) ? text.lastIndexOf('-', own[0] - 1) : own[0]
  const start = lineStart(text, from)
  if (text.slice(start, from).trim() !== '') {
    // The first key of a list item shares its line with the dash: what follows moves up behind it.
    if (next) yield { from, to: isSeq(collection) ? text.lastIndexOf('-', next[0] - 1) : next[0], text: '' }
    return
  }
  const end = lineEnd(text, trimmedEnd(text, from, own[1]))
  const behind = text.startsWith('\r\n', end) ? end + 2 : Math.min(end + 1, text.length)
  yield { from: start, to: behind, text: '' }
}
