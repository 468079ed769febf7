/** End of the line on which the text before `position` ends; the line end itself is not part of it. */
export function lineEnd(text: string, position: number): number {
  let content = position
  while (content > 0 && isSpace(text[content - 1])) content--
  const newline = text.indexOf('\n', content)
  const at = newline < 0 ? text.length : newline
  return text[at - 1] === '\r' ? at - 1 : at
}

/** Where the line begins that holds the position; behind the byte order mark on the first. */
export function lineStart(text: string, position: number): number {
  const start = position === 0 ? 0 : text.lastIndexOf('\n', position - 1) + 1
  return start === 0 && text.startsWith('\uFEFF') ? 1 : start
}

/** How many characters stand before the position on its line. */
export function columnOf(text: string, position: number): number {
  return position - lineStart(text, position)
}

/** The white space at the start of the position's line. */
export function indentOf(text: string, position: number): string {
  const start = lineStart(text, position)
  return /^[ \t]*/.exec(text.slice(start, position))?.[0] ?? ''
}

/** The line end in use around the position: the next one, or else the last one. */
export function newlineAt(text: string, position: number): string {
  const next = text.indexOf('\n', position)
  const at = next < 0 ? text.lastIndexOf('\n') : next
  return at > 0 && text[at - 1] === '\r' ? '\r\n' : '\n'
}

/** Where the text between two positions ends, without the white space behind it. */
export function trimmedEnd(text: string, from: number, to: number): number {
  let end = to
  while (end > from && isSpace(text[end - 1])) end--
  return end
}

function isSpace(char: string | undefined): boolean {
  return char === ' ' || char === '\n' || char === '\r' || char === '\t'
}
