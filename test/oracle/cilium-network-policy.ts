import { ciliumEntities, ciliumPolicyFrom } from './cilium-worlds.ts'
import { compareWith, finish, programOf } from './compare.ts'
import { type Dice, networkPolicyFrom, type Query, type World, worldFrom } from './worlds.ts'

/*
 * node test/oracle/cilium-network-policy.ts [CASES [SEED]]: do CiliumNetworkPolicies and CiliumClusterwideNetworkPolicies, beside
 * NetworkPolicies, allow to us what they allow to Cilium's own engine? As network-policy.ts, and besides: which of them the API
 * server or the agent takes for void.
 */

/** A NetworkPolicy of which Cilium and Kubernetes think alike: rules of unnamed directions are network-policy.ts' matter. */
function plainNetworkPolicyFrom(dice: Dice, index: number): object {
  const policy = networkPolicyFrom(dice, index) as { spec: Record<string, unknown> }
  const { policyTypes: _, ...spec } = policy.spec
  return { ...policy, spec }
}

/**
 * A range that starts at a named port. The engine keeps one range per name and mixes up all rules of the name, so that a rule of
 * one policy changes with another policy. The form says so of the rule itself; this is about its neighbours.
 */
function excuseOfNamedRange(_: unknown, { policies }: World, { direction }: Query): string | undefined {
  const isRange = /"port":"[A-Za-z][^"]*","endPort"/.test(JSON.stringify(policies))
  return direction === 'ingress' && isRange ? 'beside a range from a named port' : undefined
}

const [cases = 10_000, seed = 1] = process.argv.slice(2).map(Number)
const worlds = Array.from({ length: cases }, (_, i) =>
  worldFrom(
    seed + i,
    (dice, index) => (dice.once(4) ? plainNetworkPolicyFrom(dice, index) : ciliumPolicyFrom(dice, index)),
    12,
    ciliumEntities,
  ),
)
console.log(`CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy and NetworkPolicy from seed ${seed}`)
finish([compareWith({ name: 'cilium', program: programOf('cilium'), excuse: excuseOfNamedRange }, worlds)])
