import fc from 'fast-check'
import t from 'tap'
import type { Resource } from '../../../src/k8s/resource.ts'
import { type GapView } from '../../../src/linkerd/policies/gap-view.ts'
import { type WirePortGap, wirePortGaps } from '../../../src/linkerd/policies/wire-port-gaps.ts'
import { pod, policy, resource, worldOf } from '../world.ts'
import {
  brokenByDefinition,
  type Direction,
  namespaceLabels,
  type PossiblePod,
  policies,
  specOf,
  type WirePolicy,
  wireRule,
} from './small-policies.ts'

const directions = ['ingress', 'egress'] as const

function knownNamespace(name: 'a' | 'b' | 'c'): Resource<'Namespace'> {
  const annotations = name === 'c' ? {} : { 'linkerd.io/inject': 'enabled' }
  return resource('Namespace', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, annotations, labels: namespaceLabels[name] },
  })
}
const namespaces = (['a', 'b', 'c'] as const).map(knownNamespace)

interface Judged {
  readonly gapsOf: (index: number) => WirePortGap[]
  readonly view: GapView
}

function judge(all: readonly WirePolicy[], others: readonly Resource[] = []): Judged {
  const resources = all.map((one, i) => policy(`p${i}`, specOf(one)))
  const view = worldOf([...namespaces, ...others, ...resources])
  return { view, gapsOf: (index) => [...wirePortGaps(resources[index] ?? policy('none', {}), view)] }
}

/** Rules in which something is broken: `direction index`. */
function brokenRules(gaps: readonly WirePortGap[]): string[] {
  return [...new Set(gaps.map(({ direction, rule }) => `${direction} ${rule.index}`))].toSorted()
}

t.test('it finds a gap exactly where some pair of Pods there can be has one', async (t) => {
  const numRuns = 1500
  const counts = { rules: 0, broken: 0, repaired: 0 }
  fc.assert(
    fc.property(policies, (all) => {
      const { gapsOf } = judge(all)
      for (const [i, one] of all.entries()) {
        const pairs = (direction: Direction, beside: readonly WirePolicy[]) =>
          brokenByDefinition(beside, one, direction).map(({ rule }) => `${direction} ${rule}`)
        const expected = [...new Set(directions.flatMap((direction) => pairs(direction, all)))].toSorted()
        const alone = new Set(directions.flatMap((direction) => pairs(direction, [])))
        counts.rules += one.ingress.length + one.egress.length
        counts.broken += expected.length
        counts.repaired += alone.size - expected.length
        const found = brokenRules(gapsOf(i))
        if (found.join() !== expected.join())
          throw new Error(`p${i}: found ${found.join()}, by the definition ${expected.join()}`)
      }
    }),
    { numRuns, seed: 41 },
  )
  t.comment(`${numRuns} cases`, counts)
  t.ok(Math.min(counts.broken, counts.repaired) > 200, 'both happen often')
})

const label = fc.option(fc.constantFrom('x', 'y', 'other'), { nil: undefined })
const somePod = fc.record({ namespace: fc.constantFrom('a', 'b'), app: label, constructor: label })

// Of more that are alike, not every pair is told: alike.test.ts.
t.test('it finds a gap between known Pods exactly where the definition has one', async (t) => {
  const numRuns = 1500
  let broken = 0
  fc.assert(
    fc.property(policies, fc.array(somePod, { minLength: 2, maxLength: 3 }), (all, sketches) => {
      const known = sketches.map(({ namespace, app, constructor }, i) => {
        const labels = JSON.parse(JSON.stringify({ app, constructor }))
        const injected = { ...labels, 'linkerd.io/control-plane-ns': 'linkerd', 'linkerd.io/workload-ns': namespace }
        const possible: PossiblePod = {
          namespace,
          namespaceLabels: { ...namespaceLabels[namespace], 'kubernetes.io/metadata.name': namespace },
          labels: injected,
        }
        return { resource: pod(`pod${i}`, { namespace, labels }), possible, name: `Pod ${namespace}/pod${i}` }
      })
      const nameOf = (one: PossiblePod) => known.find(({ possible }) => possible === one)?.name ?? ''
      const possible = known.map((one) => one.possible)
      const { gapsOf } = judge(
        all,
        known.map((one) => one.resource),
      )
      for (const [i, one] of all.entries()) {
        const found = gapsOf(i)
          .filter(({ client, server }) => client.startsWith('Pod ') && server.startsWith('Pod '))
          .map(({ direction, rule, client, server }) => `${direction} ${rule.index} ${client} ${server}`)
        const expected = directions.flatMap((direction) =>
          brokenByDefinition(
            all,
            one,
            direction,
            possible.filter(({ namespace }) => namespace === 'a'),
            possible,
            // A Pod reaches itself without the network.
            (target, peer) => target !== peer,
          ).map(({ rule, target, peer }) => {
            const [client, server] = direction === 'ingress' ? [peer, target] : [target, peer]
            return `${direction} ${rule} ${nameOf(client)} ${nameOf(server)}`
          }),
        )
        broken += expected.length
        const [ours, theirs] = [[...new Set(found)].toSorted(), [...new Set(expected)].toSorted()]
        if (ours.join() !== theirs.join())
          throw new Error(`p${i}: found ${ours.join()}, by the definition ${theirs.join()}`)
      }
    }),
    { numRuns, seed: 43 },
  )
  t.comment(`${numRuns} cases, ${broken} broken pairs`)
  t.ok(broken > 400, 'many are broken')
})

/** The broken rules of all policies, named by what they say, so that they may stand anywhere. */
function brokenTexts(all: readonly WirePolicy[], others: readonly Resource[] = []): Set<string> {
  const { gapsOf } = judge(all, others)
  return new Set(
    all.flatMap((one, i) =>
      gapsOf(i).map(({ direction, rule }) => JSON.stringify([one.subject, direction, one[direction][rule.index]])),
    ),
  )
}

function sameTexts(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return left.symmetricDifference(right).size === 0
}

const half = { numRuns: 500 }

t.test('it does not depend on the order of policies and rules', async () => {
  fc.assert(
    fc.property(policies, (all) => {
      const reversed = all
        .toReversed()
        .map((one) => ({ ...one, ingress: one.ingress.toReversed(), egress: one.egress.toReversed() }))
      return sameTexts(brokenTexts(all), brokenTexts(reversed))
    }),
    { ...half, seed: 47 },
  )
})

t.test('it does not depend on how rules are spread over policies', async () => {
  fc.assert(
    fc.property(policies, (all) => {
      const none = { ingress: [], egress: [] }
      const spread = all.flatMap((one) => [
        ...one.ingress.map((rule) => ({ subject: one.subject, ...none, ingress: [rule] })),
        ...one.egress.map((rule) => ({ subject: one.subject, ...none, egress: [rule] })),
      ])
      return sameTexts(brokenTexts(all), brokenTexts(spread))
    }),
    { ...half, seed: 53 },
  )
})

t.test('it judges a rule as the rules it can be split into', async () => {
  fc.assert(
    fc.property(policies, (all) => {
      for (const split of [byPeers, byPorts]) {
        const parts = all.map((one) => ({
          ...one,
          ingress: one.ingress.flatMap(split),
          egress: one.egress.flatMap(split),
        }))
        const broken = brokenTexts(parts)
        const expected = new Set(
          all.flatMap((one) =>
            directions.flatMap((direction) =>
              one[direction]
                .filter((rule) =>
                  split(rule).some((part) => broken.has(JSON.stringify([one.subject, direction, part]))),
                )
                .map((rule) => JSON.stringify([one.subject, direction, rule])),
            ),
          ),
        )
        if (!sameTexts(brokenTexts(all), expected)) return false
      }
      return true
    }),
    { ...half, seed: 59 },
  )
})

type Rule = WirePolicy['ingress'][number]

function byPeers(rule: Rule): Rule[] {
  return rule.peers.length === 0 ? [rule] : rule.peers.map((peer) => ({ ...rule, peers: [peer] }))
}

function byPorts(rule: Rule): Rule[] {
  return rule.ports.length === 0 ? [rule] : rule.ports.map((port) => ({ ...rule, ports: [port] }))
}

t.test('it does not depend on namespaces that no rule means', async () => {
  const unrelated = (inject: string) => [
    resource('Namespace', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'far', annotations: { 'linkerd.io/inject': inject } },
    }),
    pod('there', { namespace: 'far', labels: { app: 'x' } }),
  ]
  fc.assert(
    fc.property(policies, fc.constantFrom('enabled', 'disabled'), (all, inject) =>
      sameTexts(brokenTexts(all), brokenTexts(all, unrelated(inject))),
    ),
    { ...half, seed: 61 },
  )
})

t.test('it finds nothing new in what was there when a rule is added', async () => {
  fc.assert(
    fc.property(policies, wireRule, fc.nat(), fc.constantFrom(...directions), (all, rule, where, direction) => {
      const more = all.map((one, i) =>
        i === where % all.length ? { ...one, [direction]: [...one[direction], rule] } : one,
      )
      const before = brokenTexts(all)
      const added = JSON.stringify([all[where % all.length]?.subject, direction, rule])
      return [...brokenTexts(more)].every((text) => before.has(text) || text === added)
    }),
    { ...half, seed: 67 },
  )
})

t.test('it finds nothing when everybody may connect on 4143', async () => {
  const open: Rule = { peers: [], ports: [{ port: 4143 }] }
  fc.assert(
    fc.property(policies, (all) => brokenTexts([...all, { subject: {}, ingress: [open], egress: [open] }]).size === 0),
    { ...half, seed: 71 },
  )
})
