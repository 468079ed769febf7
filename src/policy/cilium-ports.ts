import { isObject, isUnresolved, own, type Path } from '../k8s/json.ts'
import type { CiliumPortRule } from '../k8s/spec-shapes.ts'
import type { Direction, PortEntry, Ports } from './policy.ts'
import { everyPort, namedPort, noPort, ofProtocol, portRange, unknownPorts } from './ports.ts'

/** Who is told what a translation meets. */
export interface Told {
  /** Why the agent or the API server refuses the whole object. */
  readonly refuse: (path: Path, reason: string) => void
  /** What is not held exactly. */
  readonly approximate: (path: Path, reason: string) => void
}

/**
 * The port entries of a rule's `toPorts` (cilium pkg/policy/api: l4.go, rule_validation.go). Its elements are alternatives; one
 * without ports grants nothing.
 *
 * @param denies a rule that denies takes ports alone; the API server drops the rest
 */
export function ciliumPortEntries(
  toPorts: readonly (CiliumPortRule | null)[],
  path: Path,
  direction: Direction,
  denies: boolean,
  { refuse, approximate }: Told,
): PortEntry[] {
  return toPorts.flatMap((element, i) => {
    const at = [...path, i]
    const ports = element?.ports ?? []
    if (ports.length > 40) refuse([...at, 'ports'], 'more than 40 ports in one element')
    const filters = denies ? [] : filtersOf(element ?? {}, at, direction, refuse)
    return ports.map((entry, j): PortEntry => {
      const here = [...at, 'ports', j]
      if (filters.includes('http') && entry?.protocol !== 'TCP' && !isUnresolved(entry?.protocol))
        refuse(here, 'http rules need protocol TCP')
      if (filters.includes('dns') && Number(entry?.endPort ?? 0) > Number(entry?.port))
        refuse(here, 'dns rules on a range of ports')
      const isRead = filters.includes('http') || filters.includes('dns')
      return { ports: portsOf(entry ?? {}, here, direction, isRead, { refuse, approximate }), path: here, filters }
    })
  })
}

type WirePort = NonNullable<NonNullable<CiliumPortRule['ports']>[number]>

const tcpProtocols = ['', 'ANY', 'TCP']
const protocols: ReadonlySet<string> = new Set(
  tcpProtocols.concat('UDP', 'SCTP', 'VRRP', 'IGMP', 'GRE', 'IPIP', 'IPV6', 'ESP', 'AH'),
)

/**
 * A port is a text: a service's name (IANA's syntax, of any case), or a number as Go reads one with base 0, so that `010` is 8.
 * `0` is every port. `endPort` is ignored with `0`, below the port and, on egress, with a name; on ingress it makes a range from
 * the port that the name stands for, and the agent mixes up the ranges of one name.
 */
function portsOf(
  { port, endPort, protocol }: WirePort,
  path: Path,
  direction: Direction,
  isRead: boolean,
  { refuse, approximate }: Told,
): Ports {
  if (isUnresolved(port) || isUnresolved(endPort) || isUnresolved(protocol)) return unknownPorts
  if (!protocols.has(protocol ?? '')) refuse(path, `unknown protocol ${protocol}`)
  if (typeof port === 'number') refuse(path, `the port must be a text: "${port}"`)
  const text = String(port ?? '')
  const isTcp = tcpProtocols.includes(protocol ?? '')
  const spoken = protocol === 'UDP' ? 'UDP' : protocol === 'TCP' ? 'TCP' : 'both'
  const last = typeof endPort === 'number' ? endPort : 0
  if (isServiceName(text)) {
    if (!isTcp) return noPort
    const name = text.toLowerCase()
    if (direction === 'egress' || last === 0) return namedPort(name)
    approximate(path, 'a range that starts at a named port ends where one of all those of the name does')
    return { ...namedPort(name), unknown: true }
  }
  const number = numberOf(text)
  if (number === undefined || number > 65535) {
    refuse(path, text === '' ? 'a port is missing' : `no port: ${JSON.stringify(text)}`)
    return noPort
  }
  if (number === 0 && isRead) refuse(path, 'port 0 cannot have layer 7 rules')
  if (!isTcp && protocol !== 'UDP') return noPort
  return ofProtocol(number === 0 ? everyPort : portRange(number, Math.max(last, number)), spoken)
}

function isServiceName(text: string): boolean {
  return /^(?=.*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*$/i.test(text) && text.length <= 15
}

function numberOf(text: string): number | undefined {
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8)
  return /^(?:0|[1-9]\d*)$/.test(text) ? Number(text) : undefined
}

/** The parts of an element that put a proxy into the connection. */
function filtersOf(element: CiliumPortRule, path: Path, direction: Direction, refuse: Told['refuse']): string[] {
  const { rules, terminatingTLS, originatingTLS, serverNames, listener } = element
  const filters: string[] = []
  if (isObject(rules)) {
    for (const kind of ['kafka', 'l7', 'l7proto'])
      if (own(rules, kind) != null) refuse([...path, 'rules', kind], `${kind} rules are no longer there`)
    for (const kind of ['http', 'dns']) {
      const list = own(rules, kind)
      if (Array.isArray(list) && list.length > 0) filters.push(kind)
    }
    if (filters.length > 1) refuse([...path, 'rules'], 'http and dns rules together')
    if (filters.includes('dns') && direction === 'ingress') refuse([...path, 'rules', 'dns'], 'dns rules on ingress')
  }
  const isRead = filters.length > 0
  if (terminatingTLS != null) filters.push('terminatingTLS')
  if (originatingTLS != null) filters.push('originatingTLS')
  if ((serverNames ?? []).length > 0) {
    if (isRead && terminatingTLS == null)
      refuse([...path, 'serverNames'], 'serverNames beside layer 7 rules need terminatingTLS')
    filters.push('serverNames')
  }
  if (listener != null) {
    if (direction === 'ingress') refuse([...path, 'listener'], 'a listener on ingress')
    filters.push('listener')
  }
  return filters
}
