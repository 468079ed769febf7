import fc from 'fast-check'
import t from 'tap'
import type { Policy } from '../../src/policy/policy.ts'
import { verdictOn } from '../../src/policy/verdict.ts'
import { clusterPolicyFrom } from '../oracle/admin-worlds.ts'
import { endpointOf, peerOfWorld } from '../oracle/compare.ts'
import { type Dice, diceFrom, type World, worldFrom } from '../oracle/worlds.ts'
import {
  adminPolicy,
  calicoPolicy,
  type Ordered,
  repeatRules,
  splitByPeers,
  splitByPorts,
  splitInTwo,
  type Write,
} from './ordered-policies.ts'
import { translated } from './translated.ts'

/*
 * Kinds for which there is no engine to ask: what they allow does not change when they are written another way that means the
 * same (network-policy.md, 7.4).
 */

const numRuns = 3000

const clusterPolicy: Write = (dice, index) => {
  const made = clusterPolicyFrom(dice, index) as Ordered
  return { ...made, spec: { ...made.spec, priority: (1 + dice.pick(9)) * 100 + index * 10 } }
}

function verdicts(policies: readonly Policy[], world: World): string {
  const pods = new Map(world.endpoints.map((pod) => [pod.id, endpointOf(pod, world)]))
  return world.queries
    .map(({ subject, direction, peer, port }) => {
      const [self, other] = [pods.get(subject), peerOfWorld(peer, pods)]
      if (!self || !other) throw new Error(subject)
      const { allowed, isolated, certain } = verdictOn(policies, direction, self, other, port)
      return `${allowed ? 'allowed' : 'denied'}${isolated ? ' isolated' : ''}${certain ? '' : ' perhaps'}`
    })
    .join()
}

function shuffled<T>(all: readonly T[], dice: Dice): T[] {
  return all
    .map((one) => ({ one, at: dice.pick(1000) }))
    .toSorted((left, right) => left.at - right.at)
    .map(({ one }) => one)
}

/** About a namespace that does not exist, denying everything, first of all. */
function unrelated(kind: string): object[] {
  const nowhere = { matchLabels: { 'kubernetes.io/metadata.name': 'elsewhere' } }
  const rule = { action: 'Deny', from: [{ namespaces: {} }] }
  const metadata = { name: 'unrelated' }
  if (kind === 'Calico')
    return [
      {
        apiVersion: 'projectcalico.org/v3',
        kind: 'NetworkPolicy',
        metadata: { ...metadata, namespace: 'elsewhere' },
        spec: { order: 1, selector: 'all()', types: ['Ingress', 'Egress'], ingress: [{ action: 'Deny' }] },
      },
    ]
  const version = kind === 'ClusterNetworkPolicy' ? 'v1alpha2' : 'v1alpha1'
  const tier = kind === 'ClusterNetworkPolicy' ? { tier: 'Admin' } : {}
  const spec = { ...tier, priority: 1, subject: { namespaces: nowhere }, ingress: [rule] }
  return [{ apiVersion: `policy.networking.k8s.io/${version}`, kind, metadata, spec }]
}

const written: readonly (readonly [string, Write])[] = [
  ['AdminNetworkPolicy', adminPolicy],
  ['ClusterNetworkPolicy', clusterPolicy],
  ['Calico', calicoPolicy],
]

for (const [kind, write] of written)
  t.test(`it takes ${kind} policies for the same, however they are written`, async (t) => {
    const counts: Record<string, number> = {}
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const world = worldFrom(seed, write)
        const dice = diceFrom(seed + 1)
        const policies = world.policies as readonly Ordered[]
        const expected = verdicts(translated(...policies), world)
        for (const verdict of expected.split(',')) counts[verdict] = (counts[verdict] ?? 0) + 1
        const ways: Readonly<Record<string, readonly object[]>> = {
          'a rule for each peer': policies.map(splitByPeers),
          'a rule for each port': policies.map(splitByPorts),
          'two policies for one': policies.flatMap(splitInTwo),
          'another order of documents': shuffled(policies, dice),
          'rules once more': policies.map(repeatRules),
          'a policy about nobody': [...policies, ...unrelated(kind)],
          'all at once': shuffled(policies.map(splitByPeers).map(splitByPorts).flatMap(splitInTwo), dice),
        }
        // Each way comes often enough; together, always.
        const names = Object.keys(ways)
        for (const way of new Set([names[dice.pick(names.length)] ?? '', 'all at once'])) {
          const rewritten = ways[way] ?? []
          const found = verdicts(translated(...rewritten), world)
          if (found !== expected)
            throw new Error(`${way}: ${found}, before ${expected}: ${JSON.stringify({ policies, rewritten })}`)
        }
      }),
      { numRuns, seed: 107 },
    )
    t.comment(`${numRuns} worlds of 12 queries`, counts)
    t.ok((counts['allowed'] ?? 0) > 3000 && Object.keys(counts).some((one) => one.startsWith('denied')), 'both happen')
  })
