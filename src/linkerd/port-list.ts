import { noPorts, type PortSet, portSet } from '../policy/port-set.ts'

/*
 * Two components read the same annotation with two parsers (facts: Linkerd protocol, grammar). What they make of one
 * value differs, and is what `test/linkerd/port-list.test.ts` holds, as seen on the real components:
 *
 *   | value            | Go (destination, injector)      | Rust (policy controller)           |
 *   | `a` bad token    | that token is skipped           | the whole list is empty            |
 *   | a port name      | the port of that name           | a bad token                        |
 *   | `9000 - 9010`    | a bad token                     | the range                          |
 *   | port 0           | allowed                         | a bad token                        |
 *   | empty tokens     | skipped                         | skipped                            |
 */

/**
 * A port list as Linkerd's Go components read it (linkerd2 pkg/util/parsing.go, portrange.go).
 *
 * @param named resolves a port name; an exact match is tried before numbers
 */
export function portsByGo(value: string, named: (name: string) => readonly number[] = () => []): PortSet {
  return portSet(
    value.split(',').flatMap((raw): (readonly [number, number])[] => {
      const token = raw.trim()
      const byName = token === '' ? [] : named(token)
      if (byName.length > 0) return byName.map((port) => [port, port] as const)
      const range = rangeOf(token.split('-'), 0)
      return range ? [range] : []
    }),
  )
}

/** A port list as the policy controller reads it (linkerd2 policy-controller/k8s/index/src/ports.rs). */
export function portsByRust(value: string): PortSet {
  const ranges: (readonly [number, number])[] = []
  for (const raw of value.split(',')) {
    const token = raw.trim()
    if (token === '') continue
    const range = rangeOf(
      token.split('-').map((part) => part.trim()),
      1,
    )
    if (!range) return noPorts
    ranges.push(range)
  }
  return portSet(ranges)
}

/** Go's strconv and Rust's `u16` both take a leading `+` and leading zeros. */
function rangeOf(parts: readonly string[], lowest: number): readonly [number, number] | undefined {
  if (parts.length > 2) return undefined
  const numbers = parts.map((part) => (/^\+?\d{1,9}$/.test(part) ? Number(part) : -1))
  const from = numbers[0] ?? -1
  const to = numbers[1] ?? from
  return from >= lowest && to >= from && to <= 65535 ? [from, to] : undefined
}
