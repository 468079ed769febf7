import { clusterPolicyFrom, meansAnybody, type WirePeer } from './admin-worlds.ts'
import type { Result } from './ask.ts'
import { ciliumPolicyFrom } from './cilium-worlds.ts'
import { compareWith, finish, programOf } from './compare.ts'
import { networkPolicyFrom, type Query, type World, worldFrom } from './worlds.ts'

/*
 * node test/oracle/cluster-network-policy.ts [CASES [SEED]]: do ClusterNetworkPolicies, beside NetworkPolicies and Cilium's own,
 * allow to us what they allow to Cilium's engine? As cilium-network-policy.ts.
 */

/**
 * To the API the verdict of a NetworkPolicy that isolates is final. Cilium asks the Baseline tier before it denies what nothing
 * allows.
 */
function excuse({ isolated }: Result, world: World, { direction }: Query): string | undefined {
  const text = JSON.stringify(world.policies)
  if (speaksOfAnybody(world)) return 'a peer that only rules labels out'
  if (direction === 'ingress' && /"port":"[A-Za-z][^"]*","endPort"/.test(text))
    return 'beside a range from a named port'
  return isolated && text.includes('"Baseline"') ? 'an isolated Pod, and a Baseline tier' : undefined
}

/**
 * A peer that only rules labels out ({@link meansAnybody}): the engine asks it of the identity that stands for everybody, which has
 * no labels, and so takes it for everybody; to the API it is Pods, and those with such labels are not among them.
 */
function speaksOfAnybody({ policies }: World): boolean {
  return policies.some((policy) => {
    const { kind, spec } = policy as { kind: string; spec?: Record<string, { from?: WirePeer[]; to?: WirePeer[] }[]> }
    if (kind !== 'ClusterNetworkPolicy') return false
    const rules = [...(spec?.['ingress'] ?? []), ...(spec?.['egress'] ?? [])]
    return rules.some(({ from = [], to = [] }) => [...from, ...to].some(meansAnybody))
  })
}

const [cases = 10_000, seed = 1] = process.argv.slice(2).map(Number)
const worlds = Array.from({ length: cases }, (_, i) =>
  worldFrom(seed + i, (dice, index) => {
    if (dice.once(4)) return ciliumPolicyFrom(dice, index)
    if (!dice.once(4)) return clusterPolicyFrom(dice, index)
    const policy = networkPolicyFrom(dice, index) as { spec: Record<string, unknown> }
    const { policyTypes: _, ...spec } = policy.spec
    return { ...policy, spec }
  }),
)
console.log(`ClusterNetworkPolicy, Cilium's kinds and NetworkPolicy from seed ${seed}`)
finish([compareWith({ name: 'cilium', program: programOf('cilium'), excuse }, worlds)])
