import { isUnresolved, type Path } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import type { CalicoEntity, CalicoRule, Spec } from '../k8s/spec-shapes.ts'
import type { Box } from './box.ts'
import { calicoBoxes, calicoPeers, isRestricted } from './calico-peers.ts'
import {
  type Action,
  type AllowRule,
  adminTier,
  baselineTier,
  type Direction,
  type Note,
  ordinaryTier,
  type Policy,
  type PortEntry,
  type Ports,
  type Rule,
  type Ruling,
} from './policy.ts'
import { portDifference } from './port-set.ts'
import {
  everyPort,
  namedPort,
  noPort,
  ofProtocol,
  portNumbers,
  portRange,
  uniteEntries,
  unknownPorts,
} from './ports.ts'
import { subjectIn } from './subject.ts'

type CalicoKind = 'CalicoNetworkPolicy' | 'CalicoGlobalNetworkPolicy'

/** What a `Tier` says of its place among tiers, and of what its policies leave open. */
export interface CalicoTier {
  readonly order: number
  /** What no policy of the tier decides goes on to the next. */
  readonly passes: boolean
}

/** Tiers that are there without an object (libcalico-go apis/v3, tier.go). */
const builtIn: ReadonlyMap<string, CalicoTier> = new Map([
  ['default', { order: ordinaryTier, passes: false }],
  ['adminnetworkpolicy', { order: adminTier, passes: true }],
  ['baselineadminnetworkpolicy', { order: baselineTier, passes: true }],
])

/** Tiers by name. A tier without an order comes last. */
export function calicoTiers(tiers: Iterable<Resource<'CalicoTier'>>): ReadonlyMap<string, CalicoTier> {
  const found = new Map(builtIn)
  for (const { name, spec } of tiers) {
    const order = typeof spec.order === 'number' ? spec.order : Number.POSITIVE_INFINITY
    found.set(name, { order, passes: spec.defaultAction === 'Pass' })
  }
  return found
}

/**
 * A NetworkPolicy or GlobalNetworkPolicy of Calico (v3, of either API group) in the common form: one policy per box of its
 * subject. Those that are about traffic before NAT or without tracking are about hosts, and none here.
 * Semantics: projectcalico/api pkg/apis/projectcalico/v3, libcalico-go lib/backend/syncersv1/updateprocessors.
 */
export function fromCalicoNetworkPolicy(
  resource: Resource<CalicoKind>,
  tiers: ReadonlyMap<string, CalicoTier> = builtIn,
): Policy[] {
  const { namespace, name } = resource
  const spec: Spec<'CalicoGlobalNetworkPolicy'> = resource.spec
  if (spec.preDNAT === true || spec.doNotTrack === true) return []
  const notes: Note[] = []
  const approximate = (path: Path, reason: string) => notes.push({ as: 'approximated', path, reason })

  const tierName = spec.tier || 'default'
  const tier = tiers.get(tierName)
  if (!tier) approximate(['spec', 'tier'], `where the tier ${tierName} stands is not known`)
  const types = typesOf(spec)
  const rulingOf = (direction: Direction): Ruling => {
    const isNamed = types.includes(direction)
    const rules = isNamed ? rulesOf(spec, direction, namespace, approximate) : []
    return {
      isolates: isNamed && tier?.passes !== true,
      rules: rules.filter((rule): rule is AllowRule => rule.action === 'allow'),
      restrictions: rules.filter(({ action }) => action !== 'allow'),
    }
  }
  const directions = { ingress: rulingOf('ingress'), egress: rulingOf('egress') }
  const { boxes, unknownSubject } = subjectsOf(spec, namespace, approximate)
  return boxes.map((subject) => ({
    namespace,
    name,
    subject,
    unknownSubject: unknownSubject || isUnresolved(namespace) || isUnresolved(spec.order) || !tier,
    tier: tier?.order ?? ordinaryTier,
    directions,
    notes,
  }))
}

/** Without types: ingress, unless there are only egress rules; egress, if there are egress rules. */
function typesOf(spec: Spec<'CalicoGlobalNetworkPolicy'>): readonly string[] {
  const named = (spec.types ?? []).map((type) => type?.toLowerCase() ?? '')
  if (named.length > 0) return named
  const [hasIngress, hasEgress] = [(spec.ingress ?? []).length > 0, (spec.egress ?? []).length > 0]
  return hasEgress ? (hasIngress ? ['ingress', 'egress'] : ['egress']) : ['ingress']
}

function subjectsOf(
  { selector, namespaceSelector, serviceAccountSelector }: Spec<'CalicoGlobalNetworkPolicy'>,
  namespace: string,
  approximate: (path: Path, reason: string) => void,
): { readonly boxes: readonly Box[]; readonly unknownSubject: boolean } {
  const found = calicoBoxes({ selector, namespaceSelector }, '')
  if (serviceAccountSelector)
    approximate(['spec', 'serviceAccountSelector'], 'service accounts decide whom it is about')
  if ('why' in found) approximate(['spec', 'selector'], `${found.why}: whom it is about is not known`)
  return {
    boxes:
      'why' in found ? [new Map()] : found.boxes.map((box) => (namespace === '' ? box : subjectIn(namespace, box))),
    unknownSubject: 'why' in found || Boolean(serviceAccountSelector),
  }
}

function rulesOf(
  spec: Spec<'CalicoGlobalNetworkPolicy'>,
  direction: Direction,
  namespace: string,
  approximate: (path: Path, reason: string) => void,
): Rule[] {
  const order = typeof spec.order === 'number' ? spec.order : Number.POSITIVE_INFINITY
  return (spec[direction] ?? []).flatMap((wire, index): Rule[] => {
    const path = ['spec', direction, index]
    const rule: CalicoRule = wire ?? {}
    const action = actionOf(rule.action ?? '')
    if (action === undefined) {
      // `Log` goes on to the next rule.
      if (rule.action !== 'Log') approximate([...path, 'action'], `unknown action ${rule.action}`)
      return []
    }
    const ends = { source: rule.source ?? {}, destination: rule.destination ?? {} }
    const [self, other] =
      direction === 'ingress' ? (['destination', 'source'] as const) : (['source', 'destination'] as const)
    let peers = calicoPeers(ends[other], [...path, other], namespace, approximate)
    if (isRestricted(ends[self])) {
      approximate([...path, self], 'it is about some of the selected Pods only')
      peers = [{ as: 'unknown', path }]
    }
    if ([ends.source.ports, ends.source.notPorts].some((ports) => (ports ?? []).length > 0)) {
      approximate([...path, 'source', 'ports'], 'the port that the client connects from decides')
      peers = [{ as: 'unknown', path }]
    }
    const entries = entriesOf(rule, ends.destination, path, approximate)
    return [
      {
        action,
        index,
        order,
        path,
        peers,
        entries,
        ports: entries.length > 0 ? uniteEntries(entries) : protocolPorts(rule),
      },
    ]
  })
}

function actionOf(action: string): Action | undefined {
  switch (action) {
    case 'Allow':
      return 'allow'
    case 'Deny':
      return 'deny'
    case 'Pass':
      return 'pass'
    default:
      return undefined
  }
}

/** What a rule says of TCP, ports apart. Protocols are names or numbers. */
function protocolPorts({ protocol, notProtocol }: CalicoRule): Ports {
  if ([protocol, notProtocol].some(isUnresolved)) return unknownPorts
  const speaks = (name: string, number: number) => {
    const is = (one: number | string) => String(one).toUpperCase() === name || Number(one) === number
    return (protocol == null || is(protocol)) && (notProtocol == null || !is(notProtocol))
  }
  const [tcp, udp] = [speaks('TCP', 6), speaks('UDP', 17)]
  return tcp || udp ? ofProtocol(everyPort, tcp && udp ? 'both' : tcp ? 'TCP' : 'UDP') : noPort
}

/** Entries for `ports`; without it one for `notPorts` or `http`, if there is such. */
function entriesOf(
  rule: CalicoRule,
  { ports, notPorts }: CalicoEntity,
  path: Path,
  approximate: (path: Path, reason: string) => void,
): PortEntry[] {
  const filters = rule.http == null ? [] : ['http']
  const base = protocolPorts(rule)
  const excluded = uniteEntries((notPorts ?? []).map((port) => ({ ports: portsOf(port), path, filters: [] })))
  const isExcluding = (notPorts ?? []).length > 0
  if (isExcluding && [excluded, ...(ports ?? []).map(portsOf)].some(({ names }) => names.length > 0))
    approximate([...path, 'destination', 'notPorts'], 'ports are excluded, and some are names')
  const without = (found: Ports): Ports => {
    if (base.unknown || base === noPort) return base
    const protocol = base.numbers.length === 0 ? 'UDP' : base.udp === undefined ? 'TCP' : 'both'
    if (!isExcluding) return ofProtocol(found, protocol)
    if (found.unknown || found.names.length > 0 || excluded.unknown || excluded.names.length > 0)
      return protocol === 'UDP' ? noPort : unknownPorts
    return ofProtocol(portNumbers(portDifference(found.numbers, excluded.numbers)), protocol)
  }
  const listed = (ports ?? []).map((port, i): PortEntry => {
    return { ports: without(portsOf(port)), path: [...path, 'destination', 'ports', i], filters }
  })
  if (listed.length > 0 || (!isExcluding && filters.length === 0)) return listed
  const at = isExcluding ? [...path, 'destination', 'notPorts'] : [...path, 'http']
  return [{ ports: without(everyPort), path: at, filters }]
}

/** A number, a range `first:last`, or a name (api/pkg/lib/numorstring, port.go). */
function portsOf(port: number | string | null): Ports {
  if (isUnresolved(port)) return unknownPorts
  if (typeof port === 'number') return portRange(port, port)
  const [, first, last] = /^(\d+)(?::(\d+))?$/.exec(port ?? '') ?? []
  if (first !== undefined) return portRange(Number(first), Number(last ?? first))
  return port ? namedPort(port) : noPort
}
