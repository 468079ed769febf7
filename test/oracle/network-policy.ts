import type { Result } from './ask.ts'
import { compareWith, finish, programOf } from './compare.ts'
import { networkPolicyFrom, type World, worldFrom } from './worlds.ts'

/*
 * node test/oracle/network-policy.ts [CASES [SEED]]: does `policy/` allow what real policy engines allow? MESHGATE_KIT_BIN names a
 * folder with cyclonus-oracle and cilium-oracle. Each world is a set of NetworkPolicies over a few Pods, and each result the
 * verdict and the isolation of one Pod, in one direction, for one peer and port. Every disagreement is printed with its
 * world reduced to the policies that it needs. Ends with 1 when there is one that nothing explains.
 */

/** Cyclonus knows when it is no evidence: labels of an absent key, values that are empty, Pods matched by address. */
function excuseOfCyclonus({ caveats }: Result): string | undefined {
  return caveats?.[0]?.replace(/:.*/, '')
}

/** Cilium enforces rules of a direction that `policyTypes` does not name, and Kubernetes ignores them: it is not shown them. */
function withoutUnnamedDirections(world: World): World {
  const policies = world.policies.map((policy) => {
    const { spec } = policy as { spec: { policyTypes?: readonly string[]; ingress?: unknown; egress?: unknown } }
    const { policyTypes, ingress, egress, ...rest } = spec
    const isNamed = (type: string) => policyTypes === undefined || policyTypes.includes(type)
    return {
      ...policy,
      spec: {
        ...rest,
        ...(policyTypes ? { policyTypes } : {}),
        ...(ingress && isNamed('Ingress') ? { ingress } : {}),
        ...(egress && isNamed('Egress') ? { egress } : {}),
      },
    }
  })
  return { ...world, policies }
}

const [cases = 10_000, seed = 1] = process.argv.slice(2).map(Number)
const worlds = Array.from({ length: cases }, (_, i) => worldFrom(seed + i, networkPolicyFrom))
console.log(`NetworkPolicy from seed ${seed}`)
finish([
  compareWith({ name: 'cyclonus', program: programOf('cyclonus'), excuse: excuseOfCyclonus }, worlds),
  compareWith({ name: 'cilium', program: programOf('cilium'), show: withoutUnnamedDirections }, worlds),
])
