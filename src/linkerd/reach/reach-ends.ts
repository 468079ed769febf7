import type { View } from '../../core/view.ts'
import { isUnresolved, type Path } from '../../k8s/json.ts'
import type { Resource } from '../../k8s/resource.ts'
import { type Box, boxKey, contains } from '../../policy/box.ts'
import { indexBoxes } from '../../policy/box-index.ts'
import { calicoTiers } from '../../policy/calico-network-policy.ts'
import { type Direction, namespaceKey, namespaceNameLabel, type Policy, podKey } from '../../policy/policy.ts'
import { type PolicyKind, policyKinds, translate } from '../../policy/translate.ts'
import { type Endpoint, selectsPod } from '../../policy/verdict.ts'
import { labels as meshLabels } from '../facts.ts'
import { isControlPlane } from '../pods/meshed.ts'
import { gapReads } from '../policies/gap-view.ts'
import { namespaceLabelsOf } from '../policies/policy-peers.ts'
import type { LinkerdSettings } from '../settings.ts'
import { type Workload, workloadsOf } from './reach-workloads.ts'

export const reachReads = [...gapReads, ...policyKinds, 'CalicoTier'] as const

export type ReachView = View<(typeof reachReads)[number], LinkerdSettings>

/** A policy in the common form, and the object that says so. */
export interface Placed {
  readonly policy: Policy
  readonly resource: Resource<PolicyKind>
}

/** Workloads that every policy treats alike, as whom it is about and as peers, and that the mesh reaches alike. */
export interface End {
  readonly index: number
  readonly workloads: readonly Workload[]
  readonly endpoint: Endpoint
  /** The labels of its namespace are not known, only its name. */
  readonly namespaceKnown: boolean
  readonly controlPlane: boolean
  readonly sides: Readonly<Record<Direction, Side>>
}

/** What the policies that select an end say of a direction. */
export interface Side {
  readonly policies: readonly Policy[]
  readonly isolated: boolean
  /** Keys of the boxes of Pods of which some rule speaks. */
  readonly boxes: ReadonlySet<string>
  /** Some rule may speak of anybody: what decides is not known. */
  readonly unknown: boolean
  /** Some rule asks for labels of a namespace beside its name. */
  readonly asksNamespaces: boolean
}

/** What a policy says that is not known, or not held exactly. */
export interface Doubtful {
  readonly resource: Resource<PolicyKind>
  readonly path: Path
  readonly reason: string
}

/** Ends, and who of them is in which box of a rule's peers. */
export interface Ends {
  readonly ends: readonly End[]
  readonly members: ReadonlyMap<string, ReadonlySet<End>>
  readonly resources: ReadonlyMap<Policy, Resource<PolicyKind>>
  /** Workloads whose Pods no policy selects: they are on the host's network. */
  readonly onHost: readonly Workload[]
  readonly doubts: readonly Doubtful[]
}

/** Every workload, filed under the others that are alike. */
export function endsOf(view: ReachView): Ends {
  const tiers = calicoTiers(view.all('CalicoTier'))
  const objects = policyKinds.flatMap((kind) => view.all<PolicyKind>(kind))
  const placed = objects
    .filter((resource) => !isUnresolved(resource.namespace))
    .flatMap((resource): Placed[] => translate(resource, tiers).map((policy) => ({ policy, resource })))
  const doubts = [
    ...objects
      .filter(({ namespace }) => isUnresolved(namespace))
      .map((resource) => ({ resource, path: [], reason: 'its namespace is not filled in, so it counts nowhere' })),
    ...placed.flatMap(({ policy, resource }): Doubtful[] => [
      ...policy.notes.map(({ as, path, reason }) => ({
        resource,
        path,
        reason: as === 'refused' ? `it counts for nothing: ${reason}` : `not held exactly: ${reason}`,
      })),
      ...(policy.unknownSubject ? [{ resource, path: [], reason: 'whom it is about is not filled in' }] : []),
    ]),
  ]
  const byNamespace = Map.groupBy(placed, ({ policy }) => policy.namespace)
  const boxes = new Map<string, Box>()
  for (const { policy } of placed)
    for (const rule of rulesOf(policy))
      for (const peer of rule.peers) if (peer.as === 'pods') boxes.set(boxKey(peer.box), peer.box)

  const found = new Map<string, { workloads: Workload[]; end: Omit<End, 'index' | 'workloads'>; inside: string[] }>()
  const onHost: Workload[] = []
  const numbers = new Map(placed.map(({ policy }, index) => [policy, index]))
  for (const [namespace, workloads] of Map.groupBy(workloadsOf(view), (one) => one.namespace)) {
    const known = namespaceLabelsOf(namespace, view)
    const namespaceLabels = known ?? { [namespaceNameLabel]: namespace }
    const here = [...boxes].filter(([, box]) => contains(box, namespaceLabels, namespaceKey))
    const { holding: boxesOf } = indexBoxes(here, ([, box]) => box, podKey)
    const about = [...(byNamespace.get(namespace) ?? []), ...(byNamespace.get('') ?? [])]
    const { holding: policiesOf } = indexBoxes(about, ({ policy }) => policy.subject, podKey)
    const hasServers = view.inNamespace('Server', namespace).length > 0
    for (const workload of workloads) {
      const { pod } = workload
      if (pod.hostNetwork) {
        onHost.push(workload)
        continue
      }
      const endpoint: Endpoint = { namespace, labels: pod.labels, namespaceLabels, named: pod.named }
      const own = policiesOf(pod.labels)
        .map(({ policy }) => policy)
        .filter((policy) => selectsPod(policy, endpoint))
      const inside = boxesOf(pod.labels).map(([key]) => key)
      const { key: _, name: __, labels, named, ...facts } = pod
      const key = JSON.stringify([
        own.map((policy) => numbers.get(policy)),
        inside,
        { ...facts, named: [...named] },
        // Servers select by labels.
        hasServers ? labels : labels[meshLabels.controlPlaneNamespace],
      ])
      const alike = found.get(key)
      if (alike) alike.workloads.push(workload)
      else
        found.set(key, {
          workloads: [workload],
          inside,
          end: {
            endpoint,
            namespaceKnown: known !== undefined,
            controlPlane: isControlPlane(namespace, view),
            sides: { ingress: sideOf(own, 'ingress'), egress: sideOf(own, 'egress') },
          },
        })
    }
  }
  const members = new Map([...boxes.keys()].map((key) => [key, new Set<End>()]))
  const ends = [...found.values()].map(({ workloads, end, inside }, index): End => {
    const made = { ...end, workloads, index }
    for (const key of inside) members.get(key)?.add(made)
    return made
  })
  return { ends, members, resources: new Map(placed.map((one) => [one.policy, one.resource])), onHost, doubts }
}

function rulesOf({ directions: { ingress, egress } }: Policy) {
  return [...ingress.rules, ...ingress.restrictions, ...egress.rules, ...egress.restrictions]
}

function sideOf(policies: readonly Policy[], direction: Direction): Side {
  const rulings = policies.map((policy) => policy.directions[direction])
  const peers = rulings.flatMap(({ rules, restrictions }) => [...rules, ...restrictions].flatMap((rule) => rule.peers))
  const boxes = peers.filter((peer) => peer.as === 'pods').map((peer) => peer.box)
  return {
    policies,
    isolated: rulings.some(({ isolates }) => isolates),
    boxes: new Set(boxes.map(boxKey)),
    unknown: policies.some((policy) => policy.unknownSubject) || peers.some((peer) => peer.as === 'unknown'),
    asksNamespaces: boxes.some((box) =>
      box.keys().some((key) => key.startsWith(namespaceKey) && key !== namespaceKey + namespaceNameLabel),
    ),
  }
}

/** Can any rule of this side, or a label that is not known, make a difference for the peer? */
export function speaksOf(side: Side, peer: End, members: Ends['members']): boolean {
  if (side.unknown || (side.asksNamespaces && !peer.namespaceKnown)) return true
  return side.boxes.keys().some((key) => members.get(key)?.has(peer))
}

/** The peers for whom {@link speaksOf} says yes. */
export function spokenOf(side: Side, { ends, members }: Ends): Iterable<End> {
  if (side.policies.length === 0) return []
  if (side.unknown) return ends
  const found = new Set<End>()
  for (const key of side.boxes) for (const end of members.get(key) ?? []) found.add(end)
  if (side.asksNamespaces) for (const end of ends) if (!end.namespaceKnown) found.add(end)
  return found
}
