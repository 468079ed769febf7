import { isObject } from '../k8s/json.ts'
import { plainScalar } from './scalars.ts'

/** How a scalar stands in its surroundings. */
export type Quote = 'plain' | 'single' | 'double'

/** The habits of an author, which what is added follows. */
export interface Style {
  /** JSON, whose keys and texts are always in double quotes. */
  readonly json: boolean
  /** Where quotes are needed. */
  readonly quote: Exclude<Quote, 'plain'>
  /** Spaces by which a map is indented below its key. */
  readonly mapIndent: number
  /** Spaces by which a list is indented below its key: none in kubectl's own style. */
  readonly listIndent: number
}

/** How the lines of a flow collection are laid out that has each item on a line of its own. */
export interface Lines {
  readonly newline: string
  /** White space before the closing bracket. */
  readonly indent: string
  /** White space that each level adds. */
  readonly unit: string
}

/**
 * A scalar so that kubectl reads back the same value: a text that looks like something else is quoted.
 *
 * @param wanted the quotes that were there; plain gives way where the text needs quotes
 */
export function renderScalar(value: unknown, style: Style, wanted: Quote = 'plain'): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  if (style.json || wanted === 'double') return renderDouble(value)
  if (wanted === 'plain' && isPlain(value)) return value
  const single = wanted === 'single' || style.quote === 'single'
  return single && !unprintable.test(value) ? `'${value.replaceAll("'", "''")}'` : renderDouble(value)
}

// Narrower than YAML allows. A date is a text for kubectl, but not for every other reader of the file.
const harmless = /^[A-Za-z0-9_./$][A-Za-z0-9_./$+-]*$/
const dateLike = /^\d{4}-\d/

function isPlain(text: string): boolean {
  return harmless.test(text) && plainScalar(text) === text && !dateLike.test(text) && text !== '...'
}

// What YAML does not let stand, what some readers take for the end of a line, and marks that turn text around.
const unprintable = /[\p{Cc}\p{Surrogate}\u2028\u2029\uFEFF\uFFFE\uFFFF\u200E\u200F\u202A-\u202E\u2066-\u2069]/u
const escaped = new RegExp(unprintable, 'gu')

/** JSON's escapes are YAML's too. */
function renderDouble(text: string): string {
  return JSON.stringify(text).replaceAll(escaped, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A value in flow style or as JSON, on one line unless told how to break it. */
export function renderFlow(value: unknown, style: Style, lines?: Lines): string {
  if (Array.isArray(value)) {
    const inner = lines && deeper(lines)
    return wrap(
      '[]',
      value.map((element) => renderFlow(element, style, inner)),
      lines,
    )
  }
  if (!isObject(value)) return renderScalar(value, style)
  return wrap(
    '{}',
    Object.entries(value).map(([key, member]) => renderFlowPair(key, member, style, lines && deeper(lines))),
    lines,
  )
}

/** `key: value` in a flow map. */
export function renderFlowPair(key: string, value: unknown, style: Style, lines?: Lines): string {
  return `${renderScalar(key, style)}: ${renderFlow(value, style, lines)}`
}

function deeper({ newline, indent, unit }: Lines): Lines {
  return { newline, indent: indent + unit, unit }
}

function wrap(brackets: string, items: readonly string[], lines: Lines | undefined): string {
  const [open, close] = [brackets.charAt(0), brackets.charAt(1)]
  if (!lines || items.length === 0) return open + items.join(', ') + close
  const { newline, indent, unit } = lines
  return `${open}${items.map((item) => newline + indent + unit + item).join(',')}${newline}${indent}${close}`
}

/** `key: value` in block style: the first line without indentation, the following ones with it. */
export function renderPair(key: string, value: unknown, indent: number, newline: string, style: Style): string {
  const below = renderBelow(value, indent, newline, style)
  return `${renderScalar(key, style)}:${below ?? ` ${renderFlow(value, style)}`}`
}

/** What stands on the lines below a key of this indentation: a newline first. Undefined when it fits behind the key. */
export function renderBelow(value: unknown, indent: number, newline: string, style: Style): string | undefined {
  if (isObject(value) && Object.keys(value).length > 0) {
    const inner = indent + style.mapIndent
    return newline + ' '.repeat(inner) + renderMap(value, inner, newline, style)
  }
  if (!Array.isArray(value) || value.length === 0) return undefined
  const dash = indent + style.listIndent
  return value.map((item) => `${newline}${' '.repeat(dash)}- ${renderItem(item, dash + 2, newline, style)}`).join('')
}

/** What stands behind the dash of a list item; its further lines are indented as given. */
export function renderItem(value: unknown, indent: number, newline: string, style: Style): string {
  return isObject(value) && Object.keys(value).length > 0
    ? renderMap(value, indent, newline, style)
    : renderFlow(value, style)
}

function renderMap(value: Readonly<Record<string, unknown>>, indent: number, newline: string, style: Style): string {
  const pairs = Object.entries(value).map(([key, member]) => renderPair(key, member, indent, newline, style))
  return pairs.join(newline + ' '.repeat(indent))
}

/** A whole document in block style, as kubectl prints one. */
export function renderYaml(value: Readonly<Record<string, unknown>>): string {
  return `${renderMap(value, 0, '\n', { json: false, quote: 'single', mapIndent: 2, listIndent: 0 })}\n`
}
