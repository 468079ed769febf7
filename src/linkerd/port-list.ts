import { type Cache, createCache } from '../core/cache.ts'
import { formatPorts, hasPort, noPorts, type PortSet, portSet } from '../policy/port-set.ts'

/*
 * Several components read the same annotation with parsers of their own. What they make of one value differs, and is what
 * `test/linkerd/port-list.test.ts` holds, as seen on the real components:
 *
 *   | value            | Go (destination, injector)      | Rust (policy controller)           | linkerd-init (skip lists) |
 *   | a bad token      | that token is skipped           | the whole list is empty            | that token is skipped     |
 *   | a port name      | the port of that name           | a bad token                        | a bad token               |
 *   | `a, b`           | both                            | both                               | `a`: spaces are not cut   |
 *   | `9000 - 9010`    | a bad token                     | the range                          | a bad token               |
 *   | port 0           | allowed                         | a bad token                        | allowed                   |
 *   | empty tokens     | a Service's unnamed port        | skipped                            | skipped                   |
 */

/** Most lists are the default one, and all of them are short. A longer one would only fill the memory. */
const longestKept = 200

const [byNumbers, byRust, byInit] = [createCache<PortSet>(), createCache<PortSet>(), createCache<PortSet>()]

function readOnce(value: string, known: Cache<PortSet>, parse: (value: string) => PortSet): PortSet {
  return value.length > longestKept ? parse(value) : known(value, () => parse(value))
}

/**
 * A port list as Linkerd's Go components read it (linkerd2 pkg/util/parsing.go, portrange.go).
 *
 * @param named resolves a port name; an exact match is tried before numbers. An empty token is the name of the unnamed port
 *   of a Service.
 */
export function portsByGo(value: string, named?: (name: string) => readonly number[]): PortSet {
  return named === undefined ? readOnce(value, byNumbers, parseByGo) : parseByGo(value, named)
}

function parseByGo(value: string, named: (name: string) => readonly number[] = () => []): PortSet {
  const ranges: (readonly [number, number])[] = []
  for (const { token, range } of value.length > longestKept
    ? tokensOf(value)
    : tokensKept(value, () => tokensOf(value))) {
    const byName = named(token)
    if (byName.length > 0) for (const port of byName) ranges.push([port, port])
    else if (range) ranges.push(range)
  }
  return portSet(ranges)
}

interface Token {
  readonly token: string
  readonly range: readonly [number, number] | undefined
}

const tokensKept = createCache<readonly Token[]>()

function tokensOf(value: string): readonly Token[] {
  const tokens = value.split(',')
  // What follows the last comma is no token when there is nothing.
  if (tokens.at(-1) === '') tokens.pop()
  return tokens.map((raw) => {
    const token = raw.trim()
    return { token, range: rangeOf(token.split('-'), 0) }
  })
}

/** A port list as the policy controller reads it (linkerd2 policy-controller/k8s/index/src/ports.rs). */
export function portsByRust(value: string): PortSet {
  return readOnce(value, byRust, parseByRust)
}

function parseByRust(value: string): PortSet {
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

/** `skip-inbound-ports` as linkerd-init obeys it (linkerd2-proxy-init pkg/iptables/iptables.go): no spaces, no names. */
export function portsByInit(value: string): PortSet {
  return readOnce(value, byInit, parseByInit)
}

function parseByInit(value: string): PortSet {
  return portSet(
    value.split(',').flatMap((token) => {
      const range = rangeOf(token.split('-'), 0)
      return range ? [range] : []
    }),
  )
}

/**
 * A list of ports in the form that every component and `linkerd check` read the same: plain numbers and ranges, without
 * spaces, names, signs, leading zeros or port 0; in the author's order, then the ports that are missing.
 *
 * @param named resolves a port name, as for {@link portsByGo}
 * @returns undefined when a token means nothing to anybody: whoever wrote it must say what was meant
 */
export function canonicalList(
  value: string,
  ports: readonly number[],
  named: (name: string) => readonly number[] = () => [],
): string | undefined {
  const tokens: string[] = []
  for (const raw of value.split(',')) {
    const token = raw.trim()
    if (token === '') continue
    const byName = named(token)
    const range = rangeOf(
      token.split('-').map((part) => part.trim()),
      0,
    )
    if (byName.length > 0) tokens.push(...byName.map(String))
    else if (range) tokens.push(...formatPorts(portSet([[Math.max(range[0], 1), range[1]]])).split(', '))
    else return undefined
  }
  const known = portsByRust(tokens.join(','))
  const missing = ports.filter((port) => !hasPort(known, port)).map(String)
  return [...new Set([...tokens, ...missing])].filter((token) => token !== '').join(',')
}

/** Go's strconv and Rust's `u16` both take a leading `+` and leading zeros. */
function rangeOf(parts: readonly string[], lowest: number): readonly [number, number] | undefined {
  if (parts.length > 2) return undefined
  const numbers = parts.map((part) => (/^\+?\d{1,9}$/.test(part) ? Number(part) : -1))
  const from = numbers[0] ?? -1
  const to = numbers[1] ?? from
  return from >= lowest && to >= from && to <= 65535 ? [from, to] : undefined
}
