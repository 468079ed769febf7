import type { Path } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import { contains, requirePresence, uncovered } from '../policy/box.ts'
import { type AddressRange, parseCidr, rangesOverlap, subtractRanges } from '../policy/cidr.ts'
import { type AllowRule, type Direction, type Peer, type Policy, podKey } from '../policy/policy.ts'
import { labels } from './facts.ts'
import { imaginedPodIn, type PodFacts } from './pod-facts.ts'
import type { LinkerdSettings } from './settings.ts'
import {
  describeTarget,
  type GapView,
  grants,
  meantPorts,
  policiesIn,
  type TargetPods,
  targetsOf,
  translated,
} from './wire-port-gaps.ts'

/** A rule that grants an application's port to addresses in which Pods may live, and not the mesh's. */
export interface AddressGap {
  readonly direction: Direction
  readonly rule: AllowRule
  readonly path: Path
  readonly ports: string
  readonly proxyPort: number
  readonly cidr: string
  readonly target: string
}

/**
 * Rules whose address ranges may cover Pods. Network plugins differ in whether an ipBlock matches a Pod's address, so this
 * can only be a doubt. Ranges outside the cluster's networks are fine: nobody there is meshed.
 */
export function* addressGaps(resource: Resource<'NetworkPolicy'>, view: GapView): Generator<AddressGap> {
  const policy = translated(resource)
  for (const direction of ['ingress', 'egress'] as const)
    for (const rule of policy.directions[direction].rules) {
      if (rule.ports.unknown || rule.entries.length === 0) continue
      const cidr = rule.peers.map((peer) => coversPods(peer, view.settings)).find((found) => found !== undefined)
      if (cidr === undefined) continue
      for (const target of targetsOf(policy, view)) {
        const stranger = imaginedPodIn(policy.namespace, 'yes', view)
        const [client, server] = direction === 'ingress' ? [stranger, target.pod] : [target.pod, stranger]
        const meant = meantPorts(rule, client, server, view)
        if (meant === undefined || grants(rule.ports, server)) continue
        if (everyMeshedPodMay(policy.namespace, direction, target, server, view)) continue
        const { ports, path } = meant
        yield {
          direction,
          rule,
          path,
          ports,
          proxyPort: server.inboundPort,
          cidr,
          target: describeTarget(target, target.box ?? new Map()),
        }
        break
      }
    }
}

/** The CIDR of a peer in which Pods may live. */
function coversPods(peer: Peer, settings: LinkerdSettings): string | undefined {
  if (peer.as !== 'addresses') return undefined
  const range = parseCidr(peer.cidr)
  if (!range) return undefined
  const except = peer.except.map(parseCidr).filter((found) => found !== undefined)
  const rest = subtractRanges(range, isExternalIdiom(except) ? [...except, ...sharedAddressSpace] : except)
  const networks = settings.clusterNetworks.map(parseCidr).filter((found) => found !== undefined)
  return rest.some((part) => networks.some((network) => rangesOverlap(part, network))) ? peer.cidr : undefined
}

/** RFC 6598, which people leave out of the idiom below, and mean. */
const sharedAddressSpace = ['100.64.0.0/10'].map(parseCidr).filter((found) => found !== undefined)

/** "Everything but the private ranges of RFC 1918" says: outside the cluster. */
function isExternalIdiom(except: readonly AddressRange[]): boolean {
  const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].map(parseCidr)
  return privateRanges.every((range) => range !== undefined && subtractRanges(range, except).length === 0)
}

/** Do the policies grant the proxy's port to every meshed Pod, or to addresses? Then the doubt is settled. */
function everyMeshedPodMay(
  namespace: string,
  direction: Direction,
  target: TargetPods,
  server: PodFacts,
  view: GapView,
): boolean {
  const rules = policiesIn(namespace, view)
    .filter((policy) => selectsAll(policy, target))
    .flatMap((policy) => policy.directions[direction].rules)
    .filter((rule) => grants(rule.ports, server))
  const peers = rules.flatMap((rule) => rule.peers)
  const boxes = peers.flatMap((peer) => (peer.as === 'pods' ? [peer.box] : []))
  const meshed = requirePresence(new Map(), podKey + labels.controlPlaneNamespace)
  return peers.some((peer) => peer.as === 'addresses') || uncovered(meshed, boxes) === undefined
}

function selectsAll(policy: Policy, { pod, box }: TargetPods): boolean {
  return box === undefined
    ? contains(policy.subject, pod.labels, podKey)
    : uncovered(box, [policy.subject]) === undefined
}
