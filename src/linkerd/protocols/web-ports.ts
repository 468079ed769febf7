import type { PortSet } from '../../policy/port-set.ts'

/** Ports of the web and the API server. */
export const webPorts: readonly number[] = [80, 443, 6443]

/** Nothing but ports of the web and the API server. */
export function isWebOnly(numbers: PortSet): boolean {
  return numbers.length > 0 && numbers.every(([from, to]) => from === to && webPorts.includes(from))
}
