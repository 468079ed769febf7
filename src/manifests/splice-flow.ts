import type { YAMLMap, YAMLSeq } from 'yaml'
import { type Cut, insertion } from './cut.ts'
import { rangeOfNode } from './document.ts'
import { boundsOfLast } from './node-bounds.ts'
import { type Lines, renderFlow, renderFlowPair, type Style } from './render-yaml.ts'
import { columnOf, indentOf, lineEnd, newlineAt } from './text-lines.ts'

/** What is added to a flow collection: an element, or a key with its value. */
export type Member = { readonly key: string; readonly value: unknown } | { readonly value: unknown }

/**
 * Adds to a flow collection, behind its last item; on a line of its own where the items have that.
 *
 * @param around the lines of the collection around it, which an empty one follows
 */
export function* insertInFlow(
  text: string,
  collection: YAMLMap | YAMLSeq,
  member: Member,
  style: Style,
  around: Lines | undefined,
): Generator<Cut> {
  const range = rangeOfNode(collection)
  if (!range) return
  const last = boundsOfLast(text, collection)?.[1]
  if (last === undefined) {
    const [from, to] = [range[0] + 1, range[1] - 1]
    const whole = 'key' in member ? { [member.key]: member.value } : [member.value]
    // A comment between the brackets stays.
    if (text.slice(from, to).trim() === '') yield { from, to, text: renderFlow(whole, style, around).slice(1, -1) }
    return
  }
  const render = (lines?: Lines) =>
    'key' in member ? renderFlowPair(member.key, member.value, style, lines) : renderFlow(member.value, style, lines)
  const lines = linesOf(text, collection)
  if (lines) {
    const fresh = lines.newline + lines.indent + render(lines)
    const end = lineEnd(text, last)
    const rest = text.slice(last, end)
    if (/^[ \t]*,[ \t]*(?:#.*)?$/.test(rest)) yield insertion(end, `${fresh},`)
    else if (/^[ \t]*(?:#.*)?$/.test(rest)) yield { from: last, to: end, text: `,${rest}${fresh}` }
    else yield insertion(last, `,${fresh}`)
  }
  yield insertion(last, `, ${render()}`)
}

/** How a flow collection's items lie on lines of their own; undefined when they do not. */
export function linesOf(text: string, collection: YAMLMap | YAMLSeq): Lines | undefined {
  const range = rangeOfNode(collection)
  const last = boundsOfLast(text, collection)?.[0]
  if (!collection.flow || !range || last === undefined) return undefined
  const indent = indentOf(text, last)
  if (indent.length !== columnOf(text, last) || !text.slice(range[0], last).includes('\n')) return undefined
  const outer = indentOf(text, range[0])
  const unit = indent.length > outer.length && indent.startsWith(outer) ? indent.slice(outer.length) : '  '
  return { newline: newlineAt(text, range[0]), indent, unit }
}
