import { isObject, type Json, jsonEqual } from '../../src/k8s/json.ts'
import { plainScalar } from '../../src/manifests/scalars.ts'

/** What a person does throughout one document. */
export interface Habits {
  readonly root: 'block' | 'flow' | 'flow lines' | 'json' | 'json lines' | 'json tabs'
  readonly step: 2 | 4
  readonly listIndent: 0 | 2
  readonly dashGap: 1 | 3
  readonly quote: 'single' | 'double'
  readonly comments: boolean
  readonly anchors: boolean
  readonly crlf: boolean
  readonly finalNewline: boolean
  readonly marker: '' | '---' | '--- # start'
  readonly end: '' | '# the end' | '...'
  readonly byteOrderMark: boolean
}

/**
 * Writes a value as a person with these habits would, not as a library does.
 *
 * @param choose makes each small decision: a number below the limit
 * @param parse reads the text back: the last line end is only left out where that changes nothing
 */
export function writeYaml(
  object: Json,
  habits: Habits,
  choose: (limit: number) => number,
  parse: (text: string) => unknown,
): string {
  if (habits.root.startsWith('json')) {
    const unit = habits.root === 'json tabs' ? '\t' : habits.root === 'json lines' ? habits.step : undefined
    return finish(JSON.stringify(object, null, unit), habits)
  }
  const writer = { habits, choose, anchored: new Map<string, Json>(), names: { used: 0 } }
  const body =
    habits.root === 'block'
      ? blockLines(writer, object, 0)
      : `${flowText(writer, object, habits.root === 'flow' ? undefined : 0)}\n`
  const top = habits.marker === '' ? '' : `${habits.marker}\n`
  const text = `${top}${habits.comments ? '# head\n\n' : ''}${body}${habits.end === '' ? '' : `${habits.end}\n`}`
  const bare = text.replace(/\n$/, '')
  return finish(!habits.finalNewline && jsonEqual(parse(bare), object) ? bare : text, habits)
}

function finish(text: string, habits: Habits): string {
  const lines = habits.crlf ? text.replaceAll('\n', '\r\n') : text
  return habits.byteOrderMark ? `\uFEFF${lines}` : lines
}

interface Writer {
  readonly habits: Habits
  readonly choose: (limit: number) => number
  readonly anchored: Map<string, Json>
  readonly names: { used: number }
}

/** @param behind does the first line stand behind a dash, where no comment can come before it? */
function blockLines(writer: Writer, node: Json, indent: number, behind = false): string {
  const { habits, choose } = writer
  const pad = ' '.repeat(indent)
  const between = (i: number) => {
    if (!habits.comments || (behind && i === 0)) return ''
    return ['', '', '', '', '\n', `${pad}# note on what follows\n`, '# at the margin\n'][choose(7)] ?? ''
  }
  if (Array.isArray(node))
    return node.map((item: Json, i) => `${between(i)}${pad}-${behindDash(writer, item, indent)}`).join('')
  return Object.entries(node as object)
    .map(
      ([key, member], i) =>
        `${between(i)}${pad}${scalarText(writer, key, true)}:${behindKey(writer, member as Json, indent)}`,
    )
    .join('')
}

function behindDash(writer: Writer, item: Json, indent: number): string {
  const gap = ' '.repeat(writer.habits.dashGap)
  if (!isFilled(item) || writer.choose(4) === 0) return `${gap.slice(1)}${inline(writer, item, indent)}`
  return `${gap}${blockLines(writer, item, indent + 1 + gap.length, true).trimStart()}`
}

function behindKey(writer: Writer, member: Json, indent: number): string {
  const { habits, choose, anchored } = writer
  if (!isFilled(member) || choose(4) === 0) return inline(writer, member, indent)
  for (const [name, value] of anchored) if (jsonEqual(value, member)) return ` *${name}${comment(writer)}\n`
  const anchor = habits.anchors && choose(2) === 0 ? `a${writer.names.used++}` : undefined
  const inner = indent + (Array.isArray(member) ? habits.listIndent : habits.step)
  const written = `${anchor ? ` &${anchor}` : ''}${comment(writer)}\n${blockLines(writer, member, inner)}`
  // An alias may only follow its anchor.
  if (anchor) anchored.set(anchor, member)
  return written
}

/** What begins on the line of its key or dash, with that line's end. */
function inline(writer: Writer, node: Json, indent: number): string {
  const { habits, choose } = writer
  // Empty lines between keys would belong to a text that keeps its own.
  const asLines = habits.comments ? /^(?:[a-z]+\n)+$/ : /^(?:[a-z]+\n+)+$/
  if (typeof node === 'string' && asLines.test(node) && choose(3) > 0) {
    const pad = ' '.repeat(indent + 2)
    const lines = node.replace(/\n$/, '').split('\n')
    const kept = node.endsWith('\n\n')
    return ` |${kept ? '+' : ''}\n${lines.map((line) => (line === '' ? '' : pad + line)).join('\n')}\n`
  }
  if (node === null) return `${['', ' null', ' ~'][choose(3)]}${comment(writer)}\n`
  const written = isFilled(node) && choose(3) === 0 ? flowText(writer, node, indent + 2) : flowText(writer, node)
  return ` ${written}${comment(writer)}\n`
}

function comment({ habits, choose }: Writer): string {
  return habits.comments && choose(3) === 0 ? ' # note' : ''
}

/** @param indent of the closing bracket, when each item has its own line */
function flowText(writer: Writer, node: Json, indent?: number): string {
  if (typeof node !== 'object' || node === null) return scalarText(writer, node)
  const inner = indent === undefined ? undefined : indent + writer.habits.step
  const items = Array.isArray(node)
    ? node.map((item: Json) => flowText(writer, item, inner))
    : Object.entries(node).map(
        ([key, member]) => `${scalarText(writer, key, true)}: ${flowText(writer, member, inner)}`,
      )
  const [open, close] = Array.isArray(node) ? '[]' : '{}'
  if (items.length === 0) return `${open}${close}`
  const trailing = writer.choose(8) === 0 ? ',' : ''
  if (inner === undefined || indent === undefined) {
    const space = writer.choose(2) === 0 ? ' ' : ''
    return `${open}${space}${items.join(', ')}${trailing}${space}${close}`
  }
  const lines = items.map((item, i) => {
    const comma = i < items.length - 1 ? ',' : trailing
    return `${' '.repeat(inner)}${item}${comma}${comment(writer)}\n`
  })
  return `${open}\n${lines.join('')}${' '.repeat(indent)}${close}`
}

function scalarText({ habits, choose }: Writer, leaf: Json, isKey = false): string {
  if (typeof leaf !== 'string') return JSON.stringify(leaf)
  const plain = /^[a-z][a-zA-Z./-]*$/.test(leaf) && plainScalar(leaf) === leaf
  if (plain && choose(isKey ? 8 : 2) > 0) return leaf
  return habits.quote === 'single' && !/[\n\t]/.test(leaf) ? `'${leaf.replaceAll("'", "''")}'` : JSON.stringify(leaf)
}

function isFilled(node: Json): boolean {
  return (
    typeof node === 'object' &&
    node !== null &&
    (Array.isArray(node) ? node.length > 0 : isObject(node) && Object.keys(node).length > 0)
  )
}
