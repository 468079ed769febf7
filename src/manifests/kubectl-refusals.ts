/** A line that YAML allows, and that kubectl refuses or passes over. */
export interface Refusal {
  /** Where the line starts, in UTF-16 units. */
  readonly offset: number
  /** 1-based. */
  readonly line: number
  /** Why, and the way out. */
  readonly text: string
}

/**
 * What kubectl refuses of a stream, or passes over, though YAML allows it. It cuts the text at each line that starts with `---`, before any parser
 * sees it, and drops that line, unless nothing stands before it (apimachinery pkg/util/yaml decoder.go, YAMLReader.Read). So
 * directives come to the parser without the marker that must follow them, and nothing may stand behind a marker but a comment.
 *
 *   | first line of a piece that is neither blank nor a comment | kubectl |
 *   | `%YAML 1.1`, `%YAML 1.2`, `%TAG …`, any other directive    | refuses it |
 *   | `...`, which ends a document that is not there            | refuses it |
 *   | `---`, since nothing stands before it                     | takes it, with directives behind it as well |
 *   | another                                                   | takes it, with directives behind a `...` as well |
 *
 * Of a piece the parser reads one document: what stands behind a `...` is lost without a word, unless a `---` begins it.
 */
export function* refusalsIn(text: string): Generator<Refusal> {
  if (!hasSigns(text)) return
  let line = 0
  let isEmpty = true
  let isUndecided = true
  let isEnded = false
  for (let offset = 0; offset < text.length; ) {
    const newline = text.indexOf('\n', offset)
    const next = newline < 0 ? text.length : newline + 1
    const content = text.slice(offset, next).replace(/^\uFEFF/, '')
    line++
    if (content.startsWith('---')) {
      const behind = content.slice(3).trim()
      if (behind !== '' && !behind.startsWith('#'))
        yield { offset, line, text: 'kubectl takes nothing behind --- but a comment; put it on the next line' }
      // A marker at the start of a piece stays in it.
      isUndecided = !isEmpty
      isEmpty = !isEmpty
      isEnded = false
    } else {
      isEmpty = false
      if (isUndecided && /^[^#\s]/.test(content)) {
        isUndecided = false
        if (content.startsWith('%'))
          yield { offset, line, text: `kubectl refuses ${nameOf(content)} directives; remove the line` }
        else if (isEnd(content))
          yield { offset, line, text: 'kubectl refuses ... where no document is; remove the line' }
      } else if (/^\s+[^#\s]/.test(content)) isUndecided = false
      else if (isEnd(content)) isEnded = true
      else if (isEnded && /^[^#%\s]/.test(content)) {
        isEnded = false
        yield { offset, line, text: 'kubectl passes over what follows ... up to the next ---; write --- before it' }
      }
    }
    offset = next
  }
}

function isEnd(line: string): boolean {
  return /^\.\.\.(?:\s|$)/.test(line)
}

function nameOf(line: string): string {
  return /^%\w*/.exec(line)?.[0] ?? '%'
}

/** Does any line start as those do? Few files hold one, and this is faster than to walk through their lines. */
function hasSigns(text: string): boolean {
  if (/^\uFEFF?(?:%|\.\.\.|---[ \t]*[^#\s])/.test(text) || text.includes('\n%') || text.includes('\n...')) return true
  if (text.includes('\n\uFEFF')) return true
  for (let at = text.indexOf('\n---'); at >= 0; at = text.indexOf('\n---', at + 4)) {
    let behind = at + 4
    while (text[behind] === ' ' || text[behind] === '\t' || text[behind] === '\r') behind++
    if (behind < text.length && text[behind] !== '\n' && text[behind] !== '#') return true
  }
  return false
}
