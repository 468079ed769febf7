/** A set of port numbers 0–65535: sorted, disjoint, non-adjacent inclusive intervals. */
export type PortSet = readonly (readonly [from: number, to: number])[]

export const noPorts: PortSet = []
export const allPorts: PortSet = [[1, 65535]]

/** The canonical set that holds exactly the ports of these intervals; an empty interval (from > to) adds nothing. */
export function portSet(intervals: Iterable<readonly [number, number]>): PortSet {
  const sorted = [...intervals].filter(([from, to]) => from <= to).sort((a, b) => a[0] - b[0])
  const merged: [number, number][] = []
  for (const [from, to] of sorted) {
    const last = merged.at(-1)
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  return merged
}

export function portUnion(...sets: readonly PortSet[]): PortSet {
  return portSet(sets.flat())
}

/** Ports of `left` that are not in `right`. */
export function portDifference(left: PortSet, right: PortSet): PortSet {
  let rest: [number, number][] = left.map(([from, to]) => [from, to])
  for (const [from, to] of right)
    rest = rest.flatMap(([a, b]): [number, number][] => [
      [a, Math.min(b, from - 1)],
      [Math.max(a, to + 1), b],
    ])
  return portSet(rest)
}

export function hasPort(set: PortSet, port: number): boolean {
  return set.some(([from, to]) => from <= port && port <= to)
}

/** `8080, 9000-9010`. */
export function formatPorts(set: PortSet): string {
  return set.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(', ')
}
