import type { Path } from '../../k8s/json.ts'
import type { Resource } from '../../k8s/resource.ts'
import { contains, requirePresence, uncovered } from '../../policy/box.ts'
import {
  type AllowRule,
  type Direction,
  namespaceKey,
  namespaceNameLabel,
  type Policy,
  podKey,
} from '../../policy/policy.ts'
import type { PolicyKind } from '../../policy/translate.ts'
import { mayHoldPods } from '../pods/pod-addresses.ts'
import { imaginedPodIn, type PodFacts } from '../pods/pod-facts.ts'
import type { GapView } from './gap-view.ts'
import { meantPorts } from './meant-ports.ts'
import { formsOf, isClusterwide, policiesIn } from './policy-forms.ts'
import { withInjectedLabels } from './policy-peers.ts'
import { describeTarget, type TargetPods, targetBox, targetsByPlace } from './policy-targets.ts'
import { grants } from './proxy-port-cover.ts'

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
export function* addressGaps(resource: Resource<PolicyKind>, view: GapView): Generator<AddressGap> {
  for (const policy of formsOf(resource, view))
    if (hasAddresses(policy))
      for (const { own, targets } of targetsByPlace(policy, isClusterwide(resource), view))
        yield* gapsOf(own, targets, view)
}

/** Does it open ports to addresses in which Pods may be? */
export function hasAddresses({ directions }: Policy): boolean {
  const rules = [...directions.ingress.rules, ...directions.egress.rules]
  return rules.some(({ peers }) => peers.some((peer) => peer.as === 'addresses' && peer.pods === 'maybe'))
}

function* gapsOf(policy: Policy, targets: readonly TargetPods[], view: GapView): Generator<AddressGap> {
  for (const direction of ['ingress', 'egress'] as const)
    for (const rule of policy.directions[direction].rules) {
      if (rule.ports.unknown || rule.entries.length === 0) continue
      const cidr = rule.peers
        .filter((peer) => peer.as === 'addresses')
        .find((peer) => mayHoldPods(peer, view.settings))?.cidr
      if (cidr === undefined) continue
      for (const target of targets) {
        const stranger = imaginedPodIn(policy.namespace, 'yes', view)
        const [client, server] = direction === 'ingress' ? [stranger, target.pod] : [target.pod, stranger]
        const meant = meantPorts(rule, client, server, view)
        if (meant === undefined || grants(rule.ports, server)) continue
        if (!isClosed(policy.namespace, direction, target, view)) continue
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
  const placed = requirePresence(new Map(), namespaceKey + namespaceNameLabel)
  const meshed = withInjectedLabels(placed, undefined, view)
  return peers.some((peer) => peer.as === 'addresses') || uncovered(meshed, boxes) === undefined
}

/** Is denied what no rule allows? */
function isClosed(namespace: string, direction: Direction, target: TargetPods, view: GapView): boolean {
  const about = policiesIn(namespace, view).filter((policy) => selectsAll(policy, target))
  return about.some(({ directions }) => directions[direction].isolates || directions[direction].restrictions.length > 0)
}

function selectsAll(policy: Policy, { pod, box }: TargetPods): boolean {
  return box === undefined
    ? contains(policy.subject, pod.labels, podKey)
    : uncovered(box, [policy.subject]) === undefined
}
