import fc from 'fast-check'
import t from 'tap'
import { imaginedPodIn } from '../../../src/linkerd/pods/pod-facts.ts'
import type { PeerPods } from '../../../src/linkerd/policies/policy-peers.ts'
import type { TargetPods } from '../../../src/linkerd/policies/policy-targets.ts'
import { coverOf } from '../../../src/linkerd/policies/proxy-port-cover.ts'
import { contains } from '../../../src/policy/box.ts'
import { type Direction, namespaceNameLabel, type Policy, podKey } from '../../../src/policy/policy.ts'
import { type Endpoint, verdictOn } from '../../../src/policy/verdict.ts'
import { type Dice, diceFrom } from '../../oracle/worlds.ts'
import { translated } from '../../policy/translated.ts'
import { namespace, worldOf } from '../world.ts'

/*
 * Policies of every dialect about namespace `a`, over one label at each end: which pairs of Pods there can be are granted the proxy's
 * port, against asking for each of them.
 */

const labels: readonly Readonly<Record<string, string>>[] = [{}, { app: 'x' }, { app: 'y' }, { app: 'other' }]
const pods = labels.map(
  (one): Endpoint => ({
    namespace: 'a',
    labels: one,
    namespaceLabels: { [namespaceNameLabel]: 'a' },
    named: new Map(),
  }),
)

const selector = (dice: Dice) =>
  dice.oneOf<object>([
    {},
    { matchLabels: { app: 'x' } },
    { matchExpressions: [{ key: 'app', operator: dice.oneOf(['In', 'NotIn']), values: ['x', 'y'] }] },
    { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] },
  ])

function cilium(dice: Dice, name: string): object {
  const rule = () => ({
    fromEndpoints: [selector(dice)],
    ...(dice.once(3) ? {} : { toPorts: [{ ports: [{ port: dice.oneOf(['4143', '8080']) }] }] }),
  })
  return {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { name, namespace: 'a' },
    spec: {
      endpointSelector: selector(dice),
      ingress: dice.some(1, 2, rule),
      ...(dice.once(2) ? { ingressDeny: dice.some(1, 2, rule) } : {}),
      ...(dice.once(4) ? { enableDefaultDeny: { ingress: false } } : {}),
    },
  }
}

function calico(dice: Dice, name: string): object {
  const text = () =>
    dice.oneOf([
      'all()',
      "app == 'x'",
      "app not in {'x', 'y'}",
      '!has(app)',
      "app starts with 'x'",
      "app == 'x' || !has(app)",
    ])
  const rule = () => ({
    action: dice.oneOf(['Allow', 'Allow', 'Deny', 'Pass']),
    source: { selector: text() },
    ...(dice.once(3) ? {} : { protocol: 'TCP', destination: { ports: [dice.oneOf([4143, 8080])] } }),
  })
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: 'a' },
    spec: {
      tier: dice.oneOf(['default', 'default', 'adminnetworkpolicy']),
      order: dice.pick(20),
      selector: text(),
      ingress: dice.some(1, 3, rule),
    },
  }
}

function ordinary(dice: Dice, name: string): object {
  const ports = dice.once(3) ? {} : { ports: [{ port: dice.oneOf([4143, 8080]) }] }
  const ingress = dice.some(0, 2, () => ({ from: [{ podSelector: selector(dice) }], ...ports }))
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: 'a' },
    spec: { podSelector: selector(dice), ingress },
  }
}

const view = worldOf([namespace('a', 'enabled')])

function isCovered(policies: readonly Policy[], direction: Direction): (target: Endpoint, peer: Endpoint) => boolean {
  const facts = imaginedPodIn('a', 'yes', view)
  const target: TargetPods = { pod: facts, box: new Map() }
  const peers: PeerPods = {
    pod: facts,
    box: new Map(),
    namespaceLabels: { [namespaceNameLabel]: 'a' },
    namespace: 'a',
    doubtful: false,
    whole: true,
    instead: [],
  }
  const selecting = policies.map((policy) => ({ policy, certain: true }))
  const { boxes } = coverOf(selecting, direction, target, peers, facts, view.settings)
  return (one, other) =>
    boxes.some((box) => contains(box, one.labels, 'target/') && contains(box, other.labels, podKey))
}

t.test('it covers the pairs whose first decision, over all tiers, allows the port', async (t) => {
  const counts = { covered: 0, left: 0, plain: 0 }
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const dice = diceFrom(seed)
      const make = dice.oneOf([[ordinary], [ordinary, cilium], [ordinary, calico], [calico]] as const)
      // Every target is isolated by one policy at least: whom none selects is no policy's target.
      const all = {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'all', namespace: 'a' },
        spec: {},
      }
      const policies = translated(
        all,
        ...dice.some(1, 4, () => 0).map((_, i) => dice.oneOf(make as readonly [typeof ordinary])(dice, `p${i}`)),
      )
      const covers = isCovered(policies, 'ingress')
      if (make.length === 1 && make[0] === ordinary) counts.plain++
      for (const target of pods)
        for (const peer of pods) {
          const expected = verdictOn(policies, 'ingress', target, peer, 4143).allowed
          counts[expected ? 'covered' : 'left']++
          if (covers(target, peer) !== expected)
            throw new Error(
              `${expected}: ${JSON.stringify({ policies: policies.map(({ name }) => name), target, peer })} of ${seed}`,
            )
        }
    }),
    { numRuns: 1500, seed: 131 },
  )
  t.comment('1500 cases of 16 pairs', counts)
  t.ok(Math.min(counts.covered, counts.left) > 5000 && counts.plain > 200, 'each happens often')
})

t.test('it leaves what a deny takes away, and nothing else', async (t) => {
  const spec = {
    endpointSelector: {},
    ingress: [{ fromEndpoints: [{}] }],
    ingressDeny: [{ fromEndpoints: [{ matchLabels: { app: 'x' } }], toPorts: [{ ports: [{ port: '4143' }] }] }],
  }
  const policies = translated({
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { name: 'p', namespace: 'a' },
    spec,
  })
  const covers = isCovered(policies, 'ingress')
  t.same(
    pods.map((peer) => pods[0] && covers(pods[0], peer)),
    [true, false, true, true],
  )
})
