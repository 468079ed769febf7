/**
 * Does the whole text fit the pattern? `*` stands for any characters, also none; `?` for one; everything else for itself.
 *
 * One pass that returns to the last star only: a pattern of many stars costs no more than length times length.
 */
export function fitsGlob(pattern: string, text: string): boolean {
  let p = 0
  let i = 0
  let star = -1
  let resume = 0
  while (i < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++
      resume = i
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[i])) {
      p++
      i++
    } else if (star >= 0) {
      p = star + 1
      i = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
