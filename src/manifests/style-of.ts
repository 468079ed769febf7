import { isMap, isScalar, isSeq, type Pair, visit, type Document as YamlDocument } from 'yaml'
import { rangeOfNode } from './document.ts'
import type { Style } from './render-yaml.ts'
import { columnOf } from './text-lines.ts'

/** What the author of a document does most often; kubectl's habits where the document does not show any. */
export function styleOf(text: string, root: YamlDocument): Style {
  const mapIndents = new Map<number, number>()
  const listIndents = new Map<number, number>()
  const quotes = new Map<'single' | 'double', number>()
  visit(root, {
    Map: (_, map) => {
      const own = rangeOfNode(map)
      if (map.flow || !own) return
      for (const { value } of map.items) {
        const range = rangeOfNode(value)
        if (!range || !(isMap(value) || isSeq(value)) || value.flow) continue
        const indent = columnOf(text, range[0]) - columnOf(text, own[0])
        if (isMap(value) ? indent > 0 : indent >= 0) count(isMap(value) ? mapIndents : listIndents, indent)
      }
    },
    Scalar: (_, scalar) => {
      const quote = quoteOf(scalar)
      if (quote) count(quotes, quote)
    },
  })
  const mapIndent = mostFrequent(mapIndents) ?? 2
  return {
    json: isJson(text),
    quote: mostFrequent(quotes) ?? 'double',
    mapIndent,
    listIndent: mostFrequent(listIndents) ?? mapIndent,
  }
}

/** The same style with the quotes that stand beside the place, if any do. */
export function styleBeside(style: Style, items: readonly unknown[]): Style {
  for (const item of items) {
    const quote = quoteOf((item as Partial<Pair> | null)?.value) ?? quoteOf(item)
    if (quote) return { ...style, quote }
  }
  return style
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function quoteOf(node: unknown): 'single' | 'double' | undefined {
  if (!isScalar(node)) return undefined
  if (node.type === 'QUOTE_SINGLE') return 'single'
  return node.type === 'QUOTE_DOUBLE' ? 'double' : undefined
}

function mostFrequent<Key>(counts: ReadonlyMap<Key, number>): Key | undefined {
  let most: readonly [Key, number] | undefined
  for (const entry of counts) if (most === undefined || entry[1] > most[1]) most = entry
  return most?.[0]
}

/** JSON, not only YAML in flow style. */
export function isJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
