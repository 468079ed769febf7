/** One document of a file: a slice of its text. */
export interface Slice {
  readonly text: string
  /** Where the slice starts in the file, in UTF-16 units. */
  readonly offset: number
  /** Where that is in the file, 1-based. */
  readonly line: number
  readonly column: number
}

/**
 * The documents of a YAML stream, cut where YAML itself says that one must end: at `---` and `...` in the first column,
 * which no scalar may hold. So a document that does not parse hides no other. Directives (`%YAML`) stay with what follows;
 * documents that hold nothing are left out.
 */
export function* splitYaml(text: string): Generator<Slice> {
  let start = 0
  let startLine = 1
  let line = 1
  let blank = true
  let directives = false
  const restart = (at: number, atLine: number) => {
    start = at
    startLine = atLine
    blank = true
  }
  const slice = (end: number) => ({ text: text.slice(start, end), offset: start, line: startLine, column: 1 })
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at)
    const next = newline < 0 ? text.length : newline + 1
    if (isMarker(text, at, '---')) {
      if (!directives) {
        if (!blank) yield slice(at)
        restart(at, line)
      }
      directives = false
      blank = isBlank(text.slice(at, next))
      // Files that were joined bring their byte order marks along, which only the start of a text may have.
      if (blank && text[next] === '\uFEFF') restart(next, line + 1)
    } else if (isMarker(text, at, '...')) {
      if (!blank) yield slice(next)
      restart(next, line + 1)
    } else if (blank) {
      if (text[at] === '%') {
        // What was before it is a document that holds nothing.
        if (!directives) restart(at, line)
        directives = true
      } else blank = isBlank(text.slice(at, next))
    }
    at = next
    line++
  }
  if (!blank) yield slice(text.length)
}

function isMarker(text: string, at: number, marker: string): boolean {
  if (!text.startsWith(marker, at)) return false
  const after = text[at + 3]
  return after === undefined || after === '\n' || after === '\r' || after === ' ' || after === '\t'
}

/** Nothing but white space, comments, markers and directives? */
export function isBlank(text: string): boolean {
  return contentStart(text) === text.length
}

/** Where the first line begins that is neither blank nor a comment, a marker or a directive; the text's length if none is. */
export function contentStart(text: string): number {
  for (let at = 0; at < text.length; ) {
    lineEnd.lastIndex = at
    const end = lineEnd.exec(text)
    if (!blankLine.test(text.slice(at, end?.index))) return at
    at = end ? lineEnd.lastIndex : text.length
  }
  return text.length
}

const lineEnd = /\r\n?|\n/g
const blankLine = /^(?:\uFEFF?\s*(?:#|$)|%|(?:---|\.\.\.)(?:\s+#|\s*$))/

/**
 * A slice that holds JSON: its objects, one or several in a row, as `kubectl get -o json` in a loop writes them, and what
 * follows the last one that is whole. Other slices, YAML's flow style too, come back as they are.
 */
export function* splitJson(slice: Slice): Generator<Slice> {
  const { text } = slice
  const first = jsonStart.exec(text)?.[0].length ?? text.length
  const firstEnd = endOfObject(text, first)
  if (firstEnd === undefined || !isRow(text, first, firstEnd)) {
    yield slice
    return
  }
  let { line } = slice
  let lineStart = 1 - slice.column
  let newline = text.indexOf('\n')
  for (let at = first; at < text.length; ) {
    for (; newline >= 0 && newline < at; newline = text.indexOf('\n', lineStart)) {
      lineStart = newline + 1
      line++
    }
    const end = endOfObject(text, at) ?? text.length
    yield { text: text.slice(at, end), offset: slice.offset + at, line, column: at - lineStart + 1 }
    at = behindSpace(text, end)
  }
}

const jsonStart = /^(?:\uFEFF|---[ \t]*\r?\n)?\s*(?=\{)/

/** Is it one object, or the first of several? In YAML's flow style a brace may stand in an unquoted text. */
function isRow(text: string, start: number, end: number): boolean {
  const next = behindSpace(text, end)
  if (next === text.length || (text[next] === '{' && text.slice(end, next).includes('\n'))) return true
  try {
    JSON.parse(text.slice(start, end))
    return true
  } catch {
    return false
  }
}

function behindSpace(text: string, position: number): number {
  space.lastIndex = position
  return space.test(text) ? space.lastIndex : position
}

const space = /\s+/y

/** Behind the brace that closes the one at `start`; undefined when there is none. */
function endOfObject(text: string, start: number): number | undefined {
  if (text[start] !== '{') return undefined
  let depth = 0
  let quoted = false
  for (let at = start; at < text.length; at++) {
    const char = text[at]
    if (quoted) {
      if (char === '\\') at++
      else if (char === '"') quoted = false
    } else if (char === '"') quoted = true
    else if (char === '{' || char === '[') depth++
    else if ((char === '}' || char === ']') && --depth === 0) return at + 1
  }
  return undefined
}
