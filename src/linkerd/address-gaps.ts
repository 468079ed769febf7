import type { Path } from '../k8s/json.ts'
import type { Resource } from '../k8s/resource.ts'
import { contains, uncovered } from '../policy/box.ts'
import { type AllowRule, type Direction, type Policy, podKey } from '../policy/policy.ts'
import { meantPorts } from './meant-ports.ts'
import { mayHoldPods } from './pod-addresses.ts'
import { imaginedPodIn, type PodFacts } from './pod-facts.ts'
import { withInjectedLabels } from './policy-peers.ts'
import { describeTarget, policiesIn, type TargetPods, targetBox, targetsOf, translated } from './policy-targets.ts'
import { grants } from './proxy-port-cover.ts'
import type { GapView } from './wire-port-gaps.ts'

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
      const cidr = rule.peers
        .filter((peer) => peer.as === 'addresses')
        .find((peer) => mayHoldPods(peer, view.settings))?.cidr
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
          target: describeTarget(target, targetBox(target)),
        }
        break
      }
    }
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
  const meshed = withInjectedLabels(new Map(), undefined, view)
  return peers.some((peer) => peer.as === 'addresses') || uncovered(meshed, boxes) === undefined
}

function selectsAll(policy: Policy, { pod, box }: TargetPods): boolean {
  return box === undefined
    ? contains(policy.subject, pod.labels, podKey)
    : uncovered(box, [policy.subject]) === undefined
}
