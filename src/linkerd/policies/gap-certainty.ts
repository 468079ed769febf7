import type { Confidence } from '../../core/finding.ts'
import type { Path } from '../../k8s/json.ts'
import type { Policy, Rule } from '../../policy/policy.ts'
import type { PodFacts } from '../pods/pod-facts.ts'
import type { GapView } from './gap-view.ts'
import type { PeerPods } from './policy-peers.ts'
import type { TargetPods } from './policy-targets.ts'
import type { Cover } from './proxy-port-cover.ts'

/**
 * Why a gap may be none:
 * - `value`: a value that is not filled in yet, or labels of a namespace that are not known, may cover it;
 * - `existence`: neither end is known to be meshed, or a whole cluster or a whole namespace's known Pods do not have it;
 * - `addresses`: the port is granted to address ranges, which some network plugins match with Pods;
 * - `mesh`: one end is not known to be meshed;
 * - `size`: the policies are too many to tell.
 */
export type Doubt = 'value' | 'existence' | 'size' | 'addresses' | 'mesh'

/** Without a doubt it happens. */
export function confidenceOf(doubt: Doubt | undefined): Confidence {
  if (doubt === undefined) return 'high'
  return doubt === 'mesh' || doubt === 'addresses' ? 'medium' : 'low'
}

/** Why what is said of two ends may not be so, as the end of a sentence. */
export function certaintyText(doubt: Doubt | undefined, guess: string | undefined): string {
  const certainty = doubt === undefined ? '' : certainties[doubt]
  return guess === undefined ? certainty : `${certainty} (not certain: ${guess})`
}

const certainties: Readonly<Record<Doubt, string>> = {
  mesh: ', if both are meshed',
  addresses: ', unless the network plugin matches Pods by address',
  existence: ', should both exist and be meshed',
  value: ', unless what is not known here allows it',
  size: ', unless the policies together allow it, which are too many to tell',
}

/** What the common form of a policy does not hold exactly of this rule, or of whom the policy is about. */
export function guessOf({ notes, directions }: Policy, rule: Rule): string | undefined {
  const rules = (['ingress', 'egress'] as const).flatMap((direction) => {
    return [...directions[direction].rules, ...directions[direction].restrictions]
  })
  const others = rules.filter((one) => one !== rule).map(({ path }) => path)
  return notes.find(({ as, path }) => as === 'approximated' && !others.some((other) => startsWith(path, other)))?.reason
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((step, i) => path[i] === step)
}

/** The gravest reason to doubt what is said of two ends. */
export function doubtOf(target: TargetPods, peers: PeerPods, cover: Cover, view: GapView): Doubt | undefined {
  if (cover.unknown) return 'value'
  const meshed = [target.pod.meshed, peers.pod.meshed].filter((one) => one === 'yes').length
  if (meshed === 0 || peers.doubtful || isStandIn(peers, target)) return 'existence'
  if (target.box !== undefined && view.scope === 'cluster') return 'existence'
  if (cover.byAddress) return 'addresses'
  return meshed === 2 ? undefined : 'mesh'
}

/** Are there known Pods beside the lone target that the rule may have been written for? */
function isStandIn(peers: PeerPods, target: TargetPods): boolean {
  return peers.instead.some((pod) => !isAlone(target, pod, peers))
}

/**
 * Is the peer the target itself, which reaches itself on its loopback? Replicas reach each other. A workload that does not
 * say how many it has, has one, unless a rule is written for it to reach its like.
 */
export function isAlone({ pod }: TargetPods, peer: PodFacts, { whole }: PeerPods): boolean {
  if (pod.name === undefined || pod.name !== peer.name || pod.namespace !== peer.namespace) return false
  return pod.replicas === 'one' || (pod.replicas === 'unsaid' && whole)
}
