/** Counts by the values of some labels, at the price of a look into a map for each. */
export interface Tally {
  /** One more with these values. */
  count(...values: readonly string[]): void
  /** What has come since it was last asked, for each combination of values. */
  news(): Generator<{ readonly values: readonly string[]; readonly count: number }>
}

interface Node {
  readonly next: Map<string, Node>
  count: number
}

/** A tally of nothing. What is counted at every review is put together with its labels only when somebody asks for it. */
export function createTally(): Tally {
  const root: Node = { next: new Map(), count: 0 }
  return {
    count(...values) {
      let node = root
      for (const value of values) {
        let next = node.next.get(value)
        if (next === undefined) node.next.set(value, (next = { next: new Map(), count: 0 }))
        node = next
      }
      node.count++
    },
    news: () => newsOf(root, []),
  }
}

function* newsOf(node: Node, values: readonly string[]): ReturnType<Tally['news']> {
  if (node.count > 0) {
    yield { values, count: node.count }
    node.count = 0
  }
  for (const [value, next] of node.next) yield* newsOf(next, [...values, value])
}
