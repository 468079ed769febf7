import fc from 'fast-check'
import t from 'tap'
import type { Policy } from '../../src/policy/policy.ts'
import { verdictOn } from '../../src/policy/verdict.ts'
import { endpointOf, peerOfWorld } from '../oracle/compare.ts'
import { diceFrom, networkPolicyFrom, type World, worldFrom } from '../oracle/worlds.ts'
import { asAdmin, asCalico, asCalicoDenying, asCilium, passingTier, type WireNetworkPolicy } from './same-meaning.ts'
import { translated } from './translated.ts'

const numRuns = 3000

/** What the policies say to every question of a world. */
function verdicts(policies: readonly Policy[], world: World, podsOnly: boolean): string[] {
  const pods = new Map(world.endpoints.map((pod) => [pod.id, endpointOf(pod, world)]))
  return world.queries.map(({ subject, direction, peer, port }) => {
    const [self, other] = [pods.get(subject), peerOfWorld(peer, pods)]
    if (!self || !other) throw new Error(subject)
    if (podsOnly && !('named' in other)) return 'not asked'
    const { allowed, isolated, certain } = verdictOn(policies, direction, self, other, port)
    return `${allowed ? 'allowed' : 'denied'}${podsOnly ? '' : isolated ? ' isolated' : ''}${certain ? '' : ' perhaps'}`
  })
}

type Rewrite = (policies: readonly WireNetworkPolicy[], seed: number) => object[]

/** Asserts that NetworkPolicies and what they are rewritten to allow the same, in that many worlds. */
function sameAs(t: Tap, rewrite: Rewrite, podsOnly: boolean, most = 6): void {
  const counts: Record<string, number> = {}
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const world = worldFrom(seed, networkPolicyFrom)
      const policies = world.policies.slice(0, most) as WireNetworkPolicy[]
      const expected = verdicts(translated(...policies), world, podsOnly)
      const found = verdicts(translated(...rewrite(policies, seed)), world, podsOnly)
      for (const verdict of expected) counts[verdict] = (counts[verdict] ?? 0) + 1
      if (found.join() !== expected.join())
        throw new Error(
          `${found.join()}, as NetworkPolicy ${expected.join()}: ${JSON.stringify({ world, rewritten: rewrite(policies, seed) })}`,
        )
    }),
    { numRuns, seed: 101 },
  )
  t.comment(`${numRuns} cases of 12 queries`, counts)
  t.ok(
    Object.values(counts).every((count) => count > 500),
    'each happens often',
  )
}

type Tap = { comment(...args: unknown[]): void; ok(value: unknown, message: string): void }

t.test('it allows the same as CiliumNetworkPolicy', async (t) => {
  sameAs(t, (policies) => policies.flatMap(asCilium), false)
})

t.test('it allows the same as a mix of NetworkPolicy and CiliumNetworkPolicy', async (t) => {
  sameAs(t, (policies) => policies.flatMap((policy, i) => (i % 2 === 0 ? [policy] : asCilium(policy))), false)
})

t.test('it allows the same as Calico policies of any order, in one tier', async (t) => {
  sameAs(
    t,
    (policies, seed) => {
      const dice = diceFrom(seed)
      return policies.flatMap((policy) => asCalico(policy, dice.oneOf([undefined, 10, 2000, 1000]), dice.once(2)))
    },
    false,
  )
})

t.test('it allows the same as a mix of NetworkPolicy and Calico policies', async (t) => {
  sameAs(
    t,
    (policies) => policies.flatMap((policy, i) => (i % 2 === 0 ? [policy] : asCalico(policy, 5, i % 3 === 0))),
    false,
  )
})

t.test('it allows the same as Calico policies that deny what is left', async (t) => {
  sameAs(t, (policies) => policies.flatMap((policy, i) => asCalicoDenying(policy, i % 2 === 0)), false)
})

t.test('it allows Pods the same as Calico policies behind a tier that passes everybody on', async (t) => {
  sameAs(
    t,
    (policies, seed) => [
      ...policies.flatMap((policy, i) => asCalico(policy, i, i % 2 === 0)),
      passingTier(seed % 2 === 0 ? "app == 'x'" : 'has(tier)'),
    ],
    true,
  )
})

t.test('it allows Pods the same as AdminNetworkPolicy', async (t) => {
  sameAs(t, (policies) => asAdmin(policies, 'AdminNetworkPolicy', ''), true)
})

t.test('it allows Pods the same as the one BaselineAdminNetworkPolicy', async (t) => {
  sameAs(t, (policies) => asAdmin(policies, 'BaselineAdminNetworkPolicy', ''), true, 1)
})

for (const tier of ['Admin', 'Baseline'])
  t.test(`it allows Pods the same as ClusterNetworkPolicy in the ${tier} tier`, async (t) => {
    sameAs(t, (policies) => asAdmin(policies, 'ClusterNetworkPolicy', tier), true)
  })
