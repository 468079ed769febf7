import type { Ports, Rule } from '../../policy/policy.ts'
import { hasPort, type PortSet, portDifference, portIntersection, portsOf } from '../../policy/port-set.ts'
import { isEveryPort } from '../../policy/ports.ts'
import type { PodFacts } from '../pods/pod-facts.ts'

/** A port of a server: a number, or a name of which nobody knows what it stands for there. */
export type AskedPort = number | string

/** Is the port among these, of this server? */
export function includesAsked(ports: Ports, port: AskedPort, server: PodFacts): boolean {
  if (typeof port === 'string') return ports.names.includes(port) || isEveryPort(ports)
  return hasPort(ports.numbers, port) || ports.names.some((name) => server.named.get(name)?.includes(port))
}

/** Ports of these that are not among those of a rule. */
export function portsBeside(numbers: PortSet, { ports }: Rule, server: PodFacts): PortSet {
  return portDifference(portDifference(numbers, ports.numbers), portsNamed(ports, server))
}

/** More than policies about one Pod tell apart. */
const mostAsked = 64

/**
 * Of these ports, one for all that none of the rules tells apart: they are one question.
 *
 * @param rules whose ports may cut through these
 */
export function askedOf(numbers: PortSet, rules: readonly Rule[], server: PodFacts): readonly number[] {
  let parts: PortSet[] = [numbers]
  for (const { ports } of rules)
    for (const some of [ports.numbers, portsNamed(ports, server)])
      parts = parts.flatMap((part) => [portIntersection(part, some), portDifference(part, some)]).filter(isFilled)
  return parts
    .flatMap((part) => part[0]?.[0] ?? [])
    .toSorted((left, right) => left - right)
    .slice(0, mostAsked)
}

function isFilled(part: PortSet): boolean {
  return part.length > 0
}

function portsNamed({ names }: Ports, server: PodFacts): PortSet {
  return portsOf(names.flatMap((name) => server.named.get(name) ?? []))
}
