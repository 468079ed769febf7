import { selects } from '../../src/k8s/selector.ts'
import type { LabelSelector } from '../../src/k8s/spec-shapes.ts'
import { type Dice, numbers, podKeys, portNames, selectorFrom } from './worlds.ts'

/*
 * ClusterNetworkPolicies (v1alpha2) for the clusters of worlds.ts.
 */

const namespaceKeys = ['team', 'valueOf', 'kubernetes.io/metadata.name'] as const

/** A ClusterNetworkPolicy. Priorities differ but for one in thirty: equal ones say nothing of the order. */
export function clusterPolicyFrom(dice: Dice, index: number): object {
  return {
    apiVersion: 'policy.networking.k8s.io/v1alpha2',
    kind: 'ClusterNetworkPolicy',
    metadata: { name: `p${index}` },
    spec: {
      tier: dice.once(3) ? 'Baseline' : 'Admin',
      priority: dice.once(30) ? 500 : dice.pick(90) * 10 + index,
      subject: dice.once(2) ? { namespaces: selectorFrom(dice, namespaceKeys) } : { pods: podsFrom(dice) },
      ...(dice.once(4)
        ? {}
        : { ingress: dice.some(1, 3, () => ({ ...ruleFrom(dice), from: dice.some(1, 2, () => peerFrom(dice)) })) }),
      ...(dice.once(3) ? {} : { egress: dice.some(1, 3, () => egressRuleFrom(dice)) }),
    },
  }
}

function podsFrom(dice: Dice): NonNullable<WirePeer['pods']> {
  return { podSelector: selectorFrom(dice, podKeys), namespaceSelector: selectorFrom(dice, namespaceKeys) }
}

export interface WirePeer {
  readonly namespaces?: LabelSelector
  readonly pods?: { readonly namespaceSelector: LabelSelector; readonly podSelector: LabelSelector }
}

/** Does a peer hold for what has no labels at all, without being about everybody? Few are such. */
export function meansAnybody({ namespaces, pods }: WirePeer): boolean {
  const selectors = [namespaces, pods?.namespaceSelector, pods?.podSelector].filter((one) => one !== undefined)
  const terms = selectors.flatMap(({ matchExpressions }) => matchExpressions ?? [])
  return terms.length > 0 && selectors.every((selector) => selects(selector, {}))
}

function peerFrom(dice: Dice): WirePeer {
  for (;;) {
    const peer = dice.once(2) ? { namespaces: selectorFrom(dice, namespaceKeys) } : { pods: podsFrom(dice) }
    if (!meansAnybody(peer) || dice.once(20)) return peer
  }
}

function ruleFrom(dice: Dice): object {
  return {
    action: dice.oneOf(['Accept', 'Accept', 'Deny', 'Pass']),
    ...(dice.once(4) ? {} : { protocols: dice.some(1, 2, () => protocolFrom(dice, true)) }),
  }
}

/** Names of ports go with Pods only. */
function egressRuleFrom(dice: Dice): object {
  if (!dice.once(4)) return { ...ruleFrom(dice), to: dice.some(1, 2, () => peerFrom(dice)) }
  return {
    action: dice.oneOf(['Accept', 'Deny', 'Pass']),
    to: [{ networks: dice.some(1, 2, () => dice.oneOf(['0.0.0.0/0', '203.0.113.0/24', '198.51.100.9/32'])) }],
    ...(dice.once(3) ? {} : { protocols: [protocolFrom(dice, false)] }),
  }
}

function protocolFrom(dice: Dice, named: boolean): object {
  if (named && dice.once(5)) return { destinationNamedPort: dice.oneOf(portNames) }
  const number = dice.oneOf(numbers)
  const destinationPort = dice.once(3) ? { range: { start: number, end: number + dice.oneOf([1, 4000]) } } : { number }
  return { [dice.oneOf(['tcp', 'tcp', 'tcp', 'udp', 'sctp'])]: dice.once(8) ? {} : { destinationPort } }
}
