/** One document of a file: a slice of its text. */
export interface Slice {
  readonly text: string
  /** Where the slice starts in the file, in UTF-16 units. */
  readonly offset: number
  /** Its first line in the file, 1-based. */
  readonly line: number
}

/**
 * The documents of a YAML stream, cut where YAML itself says that one must end: at `---` and `...` in the first column,
 * which no scalar may hold. So a document that does not parse hides no other. Directives (`%YAML`) stay with what follows.
 */
export function splitYaml(text: string): Slice[] {
  const slices: Slice[] = []
  let start = 0
  let startLine = 1
  let line = 1
  let directives = false
  const cut = (end: number) => {
    if (end > start) slices.push({ text: text.slice(start, end), offset: start, line: startLine })
  }
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at)
    const next = newline < 0 ? text.length : newline + 1
    if (isMarker(text, at, '---')) {
      if (!directives) {
        cut(at)
        start = at
        startLine = line
      }
      directives = false
    } else if (isMarker(text, at, '...')) {
      cut(next)
      start = next
      startLine = line + 1
    } else if (text[at] === '%' && isBlank(text.slice(start, at))) directives = true
    at = next
    line++
  }
  cut(text.length)
  return slices
}

function isMarker(text: string, at: number, marker: string): boolean {
  if (!text.startsWith(marker, at)) return false
  const after = text[at + 3]
  return after === undefined || after === '\n' || after === '\r' || after === ' ' || after === '\t'
}

/** Nothing but white space, comments, markers and directives? */
export function isBlank(text: string): boolean {
  return /^(?:\s*(?:(?:#|%|---|\.\.\.).*)?(?:\n|$))*$/.test(text) && !/^---[ \t]+[^#\s]/m.test(text)
}

/**
 * The objects of a JSON text: one, or several in a row, as `kubectl get -o json` in a loop writes them. Undefined when a
 * brace is left open.
 */
export function splitJson(text: string): Slice[] | undefined {
  const slices: Slice[] = []
  let depth = 0
  let start = 0
  let line = 1
  let startLine = 1
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '\n') line++
    if (quoted) {
      if (char === '\\') at++
      else if (char === '"') quoted = false
    } else if (char === '"') quoted = true
    else if (char === '{' || char === '[') {
      if (depth++ === 0) {
        start = at
        startLine = line
      }
    } else if (char === '}' || char === ']') {
      if (--depth < 0) return undefined
      if (depth === 0) slices.push({ text: text.slice(start, at + 1), offset: start, line: startLine })
    } else if (depth === 0 && char !== undefined && !/\s/.test(char)) return undefined
  }
  return depth === 0 && !quoted ? slices : undefined
}
