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
  // An array that was pushed to keeps room for sixteen more, and there are many sets.
  return merged.slice()
}

/** The set of these ports. */
export function portsOf(ports: Iterable<number>): PortSet {
  return portSet(Array.from(ports, (port) => [port, port] as const))
}

/** Ports in any of the sets. */
export function portUnion(...sets: readonly PortSet[]): PortSet {
  const [only = noPorts, ...more] = sets.filter((set) => set.length > 0)
  return more.length === 0 ? only : portSet(sets.flat())
}

/** Ports of `left` that are not in `right`. */
export function portDifference(left: PortSet, right: PortSet): PortSet {
  const rest: (readonly [number, number])[] = []
  for (const [from, to] of left) {
    let next = from
    for (const [gone, last] of right) {
      if (last < next) continue
      if (gone > to) break
      if (gone > next) rest.push([next, gone - 1])
      next = last + 1
    }
    if (next <= to) rest.push([next, to])
  }
  return rest
}

/** Ports in both sets. */
export function portIntersection(left: PortSet, right: PortSet): PortSet {
  return portDifference(left, portDifference(left, right))
}

export function hasPort(set: PortSet, port: number): boolean {
  return set.some(([from, to]) => from <= port && port <= to)
}

/** `8080, 9000-9010`. */
export function formatPorts(set: PortSet): string {
  return set.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(', ')
}
