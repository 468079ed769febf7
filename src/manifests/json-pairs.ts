/**
 * May a JSON text write a key twice in one object? `JSON.parse` keeps the last and says nothing, so that the text then has more
 * pairs than the value has keys.
 */
export function mayRepeatKeys(text: string, value: unknown): boolean {
  return pairsIn(text) !== keysIn(value)
}

/** How many keys a JSON text has: texts in quotes with a colon behind them. */
function pairsIn(text: string): number {
  let pairs = 0
  for (let start = text.indexOf('"'); start >= 0; ) {
    let at = endOfText(text, start) + 1
    while (text.charCodeAt(at) <= 32) at++
    if (text[at] === ':') pairs++
    start = text.indexOf('"', at)
  }
  return pairs
}

/** Where the quote stands that ends the text. */
function endOfText(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    at = text.indexOf('"', at)
    let from = at
    while (text[from - 1] === '\\') from--
    if ((at - from) % 2 === 0) return at
  }
}

function keysIn(value: unknown): number {
  let keys = 0
  const open = [value]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object' || next === null) continue
    const members: unknown[] = Array.isArray(next) ? next : Object.values(next)
    if (!Array.isArray(next)) keys += members.length
    for (const member of members) if (typeof member === 'object' && member !== null) open.push(member)
  }
  return keys
}
