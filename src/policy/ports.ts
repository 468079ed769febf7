import type { PortEntry, Ports } from './policy.ts'
import { allPorts, noPorts, type PortSet, portDifference, portSet, portUnion } from './port-set.ts'

/*
 * The ports of a rule, made from what each dialect's port list says.
 */

/** Of which protocol ports are; `both` of those that are looked at here. */
export type Protocol = 'TCP' | 'UDP' | 'both'

export const everyPort: Ports = { numbers: allPorts, names: [], unknown: false, udp: allPorts }
export const noPort: Ports = { numbers: noPorts, names: [], unknown: false }
/** Ports that are not known: `${VAR}`, or what this form does not hold. */
export const unknownPorts: Ports = { numbers: noPorts, names: [], unknown: true }

/** The ports from `first` to `last`. None, where that is no range of ports. */
export function portRange(first: number, last: number): Ports {
  return isPort(first) && isPort(last) && first <= last ? portNumbers(portSet([[first, last]])) : noPort
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535
}

export function portNumbers(numbers: PortSet): Ports {
  return { numbers, names: [], unknown: false }
}

export function namedPort(name: string): Ports {
  return { numbers: noPorts, names: [name], unknown: false }
}

/** The same ports, but of a protocol. A name, or what is not known, may be any port of UDP. */
export function ofProtocol(ports: Ports, protocol: Protocol): Ports {
  if (protocol === 'TCP') return { numbers: ports.numbers, names: ports.names, unknown: ports.unknown }
  const udp = ports.unknown || ports.names.length > 0 ? allPorts : ports.numbers
  return protocol === 'both' ? { ...ports, udp } : { ...noPort, udp }
}

/** Is every port among them? */
export function isEveryPort({ numbers }: Ports): boolean {
  return portDifference(allPorts, numbers).length === 0
}

/** What all entries of a port list grant together. */
export function uniteEntries(entries: readonly PortEntry[]): Ports {
  const udp = portUnion(...entries.map(({ ports }) => ports.udp ?? noPorts))
  return {
    numbers: portUnion(...entries.map(({ ports }) => ports.numbers)),
    names: [...new Set(entries.flatMap(({ ports }) => ports.names))],
    unknown: entries.some(({ ports }) => ports.unknown),
    ...(udp.length > 0 ? { udp } : {}),
  }
}

/**
 * Is the port among these?
 *
 * @param named the ports of the server by name; undefined for a server that has none, being no Pod
 */
export function includesPort(
  { numbers, names }: Ports,
  port: number,
  named: ReadonlyMap<string, readonly number[]> | undefined,
): boolean {
  return (
    numbers.some(([from, to]) => from <= port && port <= to) || names.some((name) => named?.get(name)?.includes(port))
  )
}
