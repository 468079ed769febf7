import { addBits, type Bits, removeBits } from '../../policy/bits.ts'
import type { Box } from '../../policy/box.ts'
import type { Direction } from '../../policy/policy.ts'
import { changedHome } from '../pods/meshed.ts'
import type { PodFacts } from '../pods/pod-facts.ts'
import type { PodIndex } from '../pods/pod-index.ts'
import { redirectsEveryPort } from '../settings.ts'
import { decisionsAbout } from './decision-index.ts'
import type { GapView } from './gap-view.ts'
import { meantPorts } from './meant-ports.ts'
import { changedPods, podIndex } from './mesh-index.ts'
import type { Selecting } from './policy-forms.ts'
import type { RuleEnd, TargetEnd, TargetPods } from './policy-targets.ts'
import { grants } from './proxy-port-cover.ts'

/**
 * Pods of other namespaces that a rule admits on an application's port, and that no policy on the target admits on the port
 * of the server's proxy: per way in which Pods are reached, one after the other.
 */
export function* farCandidates(end: RuleEnd, box: Box, view: GapView): Generator<Iterable<PodFacts>> {
  const { rule, direction, target, policies } = end
  const index = podIndex(view)
  const admitted = index.select(box)
  const home = homesOf(target, index, view)
  const boxes = telling(end, direction, view)
  // Pods of one profile are then alike in all that decides which ports are meant.
  const alike = areProfilesAlike(target, direction, view)
  for (const { sample, members } of index.profiles(rule.ports.names.length > 0)) {
    const [client, server] = direction === 'ingress' ? [sample, target.pod] : [target.pod, sample]
    if (alike && meantPorts(rule, client, server, view) === undefined) continue
    const covered = index.none()
    // Where tiers differ, who is granted what is for the exact question to tell; in one tier, of whom a rule denies or passes on.
    const rulings = isOneTier(policies) ? policies.filter(({ certain }) => certain) : []
    for (const { policy } of rulings)
      for (const other of policy.directions[direction].rules)
        if (grants(other.ports, server))
          for (const peer of other.peers) if (peer.as === 'pods') addBits(covered, index.select(peer.box))
    for (const { policy } of policies)
      for (const other of policy.directions[direction].restrictions)
        for (const peer of other.peers)
          if (peer.as === 'pods' && grants(other.ports, server)) removeBits(covered, index.select(peer.box))
    addBits(covered, home)
    yield each(index, admitted, members, covered, mostCandidates, boxes)
  }
  yield* farChanged(box, target, view)
}

/** Of whom the index is not asked: Pods of the target's own namespace, and of the one that the review changes. */
function homesOf({ pod }: TargetPods, index: PodIndex, view: GapView): Bits {
  const homes = index.in(pod.namespace)
  const changed = changedHome(view)
  if (changed !== undefined) addBits(homes, index.in(changed))
  return homes
}

/** Pods that the review changes, by the way in which they are reached. */
function farChanged(box: Box, { pod }: TargetPods, view: GapView): readonly (readonly PodFacts[])[] {
  return changedHome(view) === pod.namespace ? [] : changedPods(box, view)
}

function areProfilesAlike({ pod }: TargetPods, direction: Direction, { settings }: GapView): boolean {
  return direction === 'ingress' || (redirectsEveryPort(settings) && pod.skipOutbound.length === 0)
}

/** What tells Pods of one profile apart; undefined where it is more than whom the policies select. */
function telling({ target, policies }: TargetEnd, direction: Direction, view: GapView): readonly Box[] | undefined {
  if (!areProfilesAlike(target, direction, view)) return undefined
  const { boxes, opening, restrictions } = decisionsAbout(policies, direction)
  // What a name of a port stands for is for each server to say.
  const isNamed = direction === 'egress' && [...opening, ...restrictions].some(({ ports }) => ports.names.length > 0)
  return isNamed ? undefined : [...boxes.values()]
}

function isOneTier(policies: readonly Selecting[]): boolean {
  return policies.every(({ policy }) => policy.tier === policies[0]?.policy.tier)
}

/**
 * Pods of other namespaces that a selector admits: per way in which Pods are reached, one of each kind that the policies on the
 * target tell apart.
 */
export function* farPods(
  box: Box,
  { target, policies }: TargetEnd,
  direction: Direction,
  view: GapView,
): Generator<Iterable<PodFacts>> {
  const index = podIndex(view)
  const admitted = index.select(box)
  const boxes = telling({ target, policies }, direction, view)
  const home = homesOf(target, index, view)
  for (const { members } of index.profiles(true)) {
    const without = index.none()
    addBits(without, home)
    yield each(index, admitted, members, without, mostTried, boxes)
  }
  yield* farChanged(box, target, view)
}

/** More than anybody needs to find one that counts. */
const mostCandidates = 1000

/** Where nothing is left out beforehand. */
const mostTried = 100

/** @param boxes what tells Pods apart: of those alike, only the first is tried. Without them, all are */
function* each(
  index: PodIndex,
  admitted: Bits,
  members: Bits,
  covered: Bits,
  most: number,
  boxes: readonly Box[] | undefined,
): Generator<PodFacts> {
  for (let i = 0; i < most; i++) {
    const pod = index.takeFirst(admitted, members, covered)
    if (pod === undefined) return
    yield pod
    if (boxes) index.dropAlike(pod, boxes, members, covered)
  }
}
