/** What was computed under a key before, or now. */
export type Cache<T> = (key: string, compute: () => T) => T

/** More keys than the selectors of a large cluster; whoever sends reviews must not be able to fill the memory with them. */
const mostKeys = 10_000

/** A cache that starts afresh when it is full. */
export function createCache<T>(): Cache<T> {
  const known = new Map<string, { readonly value: T }>()
  return (key, compute) => {
    const found = known.get(key)
    if (found) return found.value
    const value = compute()
    if (known.size >= mostKeys) known.clear()
    known.set(key, { value })
    return value
  }
}

/** The answer to the last question, where it is asked again of the very same things; or a new one. */
export type Last<T> = (things: readonly unknown[], compute: () => T) => T

/** Remembers one answer: several rules ask the same of one subject, one after the other, and nobody afterwards. */
export function rememberLast<T>(): Last<T> {
  let last: { readonly things: readonly unknown[]; readonly value: T } | undefined
  return (things, compute) => {
    if (last?.things.length === things.length && last.things.every((thing, i) => thing === things[i])) return last.value
    const value = compute()
    last = { things, value }
    return value
  }
}
