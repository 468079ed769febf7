import { isUnresolved, own, type Path } from '../k8s/json.ts'
import type { CiliumRule } from '../k8s/spec-shapes.ts'
import { type Box, contains, pin } from './box.ts'
import { parseCidr } from './cidr.ts'
import type { Told } from './cilium-ports.ts'
import { inSomeNamespace, readCiliumSelector } from './cilium-selector.ts'
import { namespaceKey, namespaceNameLabel, type Peer } from './policy.ts'

/** The reserved labels of those who are no Pods. */
const identities: Readonly<Record<string, readonly string[]>> = {
  host: ['host'],
  'remote-node': ['remote-node'],
  'kube-apiserver': ['kube-apiserver', 'remote-node'],
  ingress: ['ingress'],
  health: ['health'],
  init: ['init'],
  unmanaged: ['unmanaged'],
  world: ['world'],
}

interface Context extends Told {
  /** The policy's namespace; empty for a clusterwide policy. */
  readonly namespace: string
  readonly denies: boolean
}

const inside = Object.keys(identities).filter((name) => name !== 'world')

/**
 * Entities and whom they hold beside Pods; `all`, `cluster` and `cluster-mesh` hold Pods, too (cilium pkg/policy/api/entity.go). An
 * API server in the cluster is on a node, which is remote to all Pods but its own.
 */
const entities: Readonly<Record<string, readonly string[]>> = {
  all: [...inside, 'world', 'world-ipv4', 'world-ipv6'],
  cluster: inside,
  'cluster-mesh': inside,
  world: ['world', 'world-ipv4', 'world-ipv6'],
  host: ['host'],
  'remote-node': ['remote-node', 'kube-apiserver'],
  'kube-apiserver': ['kube-apiserver'],
  ingress: ['ingress'],
  health: ['health'],
  init: ['init'],
  unmanaged: ['unmanaged'],
  none: [],
}

/**
 * Who is at the other end of a rule, or undefined where no member of the rule says so: then anybody, if it has ports. A member
 * that is there and empty selects nobody, whatever is beside it, but for `toFQDNs`, `toServices` and groups, which then say nothing. Two members in
 * one rule are refused (cilium pkg/policy/api/rule_validation.go).
 */
export function ciliumPeers(rule: CiliumRule, side: 'from' | 'to', path: Path, context: Context): Peer[] | undefined {
  const { refuse, approximate } = context
  const members: { readonly name: string; readonly size: number; readonly peers: () => readonly Peer[] }[] = []
  const member = <T>(
    name: string,
    list: readonly T[] | null | undefined,
    peers: (one: T, at: Path) => readonly Peer[],
    emptyCounts = true,
  ) => {
    if (list == null || (list.length === 0 && !emptyCounts)) return
    members.push({ name, size: list.length, peers: () => list.flatMap((one, i) => peers(one, [...path, name, i])) })
  }
  const addresses = (cidr: string, except: readonly string[], at: Path): Peer[] => {
    if ([cidr, ...except].some(isUnresolved)) return [{ as: 'unknown', path: at }]
    if ([cidr, ...except].some((one) => parseCidr(one) === undefined)) refuse(at, `no CIDR: ${cidr}`)
    return [{ as: 'addresses', cidr, except, pods: 'never', path: at }]
  }

  member(`${side}Endpoints`, rule[`${side}Endpoints`], (selector, at) => endpoints(selector, at, context))
  member(`${side}Entities`, rule[`${side}Entities`], (name, at) => entity(name ?? '', at, refuse))
  member(`${side}CIDR`, rule[`${side}CIDR`], (cidr, at) => addresses(cidr ?? '', [], at))
  member(`${side}CIDRSet`, rule[`${side}CIDRSet`], (set, at) =>
    set?.cidrGroupRef || set?.cidrGroupSelector != null
      ? outsiders(['cidr-group'], at)
      : addresses(
          set?.cidr ?? '',
          (set?.except ?? []).map((one) => one ?? ''),
          at,
        ),
  )
  member(`${side}Nodes`, rule[`${side}Nodes`], (_, at) => {
    approximate(at, 'nodes are selected only where the agent is told to; elsewhere it drops the policy')
    return outsiders(['node'], at)
  })
  member(`${side}Groups`, rule[`${side}Groups`], (_, at) => outsiders(['group'], at), false)
  if (side === 'to') {
    member(
      'toServices',
      rule.toServices,
      (_, at) => {
        approximate(at, 'what stands behind Services decides; while there is none, everybody may be meant')
        return [{ as: 'unknown', path: at }]
      },
      false,
    )
    // Where rules deny there is no such member: the API server drops it.
    if (!context.denies) member('toFQDNs', rule.toFQDNs, (_, at) => outsiders(['fqdn'], at), false)
  }
  const filled = members.filter(({ size }) => size > 0)
  if (filled.length > 1) refuse(path, `${filled.map(({ name }) => name).join(' and ')} in one rule`)
  if (members.length === 0) return undefined
  const peers = members.flatMap((one) => one.peers())
  return filled.length < members.length ? [] : peers
}

function entity(name: string, path: Path, refuse: Told['refuse']): Peer[] {
  if (isUnresolved(name)) return [{ as: 'unknown', path }]
  const others = own(entities, name)
  if (others === undefined) {
    refuse(path, `unknown entity ${name}`)
    return []
  }
  if (name === 'all') return [{ as: 'pods', box: new Map(), outside: true, path }]
  const beside: Peer = { as: 'outsiders', names: others, path }
  return name === 'cluster' || name === 'cluster-mesh'
    ? [{ as: 'pods', box: new Map(), outside: false, path }, beside]
    : [beside]
}

/**
 * In a namespaced policy a selector that says nothing of namespaces means the policy's own; in a clusterwide one, all
 * (cilium pkg/k8s/apis/cilium.io/utils, getEndpointSelector).
 */
function endpoints(
  selector: Parameters<typeof readCiliumSelector>[0],
  path: Path,
  { namespace, refuse, approximate }: Context,
): Peer[] {
  const found = readCiliumSelector(selector)
  if (!found) {
    refuse(path, 'no selector that the agent takes')
    return []
  }
  const { box, namespaced, beyond, unresolved, reserved, speaksOfReserved } = found
  if (beyond !== undefined) approximate(path, `${beyond} decides whom it means`)
  const isOwn = namespace !== '' && !namespaced && !speaksOfReserved
  if (unresolved || beyond !== undefined || (isOwn && isUnresolved(namespace))) return [{ as: 'unknown', path }]
  if (reserved.size > 0) return [{ as: 'outsiders', names: withReserved(reserved, box), path }]
  // The agent takes no namespace and no cluster for granted beside a reserved key, so the selector holds for what has no labels.
  if (speaksOfReserved && contains(box, {}, '')) {
    approximate(path, 'a selector that only rules out reserved identities may mean anybody')
    return [{ as: 'unknown', path }]
  }
  const pods = isOwn ? pin(box, namespaceKey + namespaceNameLabel, namespace) : inSomeNamespace(box)
  return [{ as: 'pods', box: pods, outside: false, path }]
}

function outsiders(names: readonly string[], path: Path): Peer[] {
  return [{ as: 'outsiders', names, path }]
}

/** Who has all these reserved labels, and meets what is said of other labels without having any. */
function withReserved(reserved: ReadonlySet<string>, box: Box): readonly string[] {
  if (!contains(box, {}, '')) return []
  return Object.keys(identities).filter((name) => reserved.isSubsetOf(new Set(identities[name])))
}
