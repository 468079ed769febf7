import fc from 'fast-check'
import t from 'tap'
import { type Resource, readResource } from '../../src/k8s/resource.ts'
import { selects } from '../../src/k8s/selector.ts'
import { calicoTiers } from '../../src/policy/calico-network-policy.ts'
import { parseCidr } from '../../src/policy/cidr.ts'
import { namespaceNameLabel, type Policy } from '../../src/policy/policy.ts'
import { translate } from '../../src/policy/translate.ts'
import { type Endpoint, verdictOn } from '../../src/policy/verdict.ts'
import { clusterPolicyFrom, type WirePeer } from '../oracle/admin-worlds.ts'
import { ciliumEntities, ciliumPolicyFrom } from '../oracle/cilium-worlds.ts'
import { endpointOf, peerOfWorld } from '../oracle/compare.ts'
import { type Dice, diceFrom, networkPolicyFrom, type World, worldFrom } from '../oracle/worlds.ts'
import { readPolicy, translated } from './translated.ts'

const numRuns = 3000

/** What the policies say to every question of a world. */
function verdicts(policies: readonly Policy[], world: World): string[] {
  const pods = new Map(world.endpoints.map((pod) => [pod.id, endpointOf(pod, world)]))
  return world.queries.map(({ subject, direction, peer, port }) => {
    const [self, other] = [pods.get(subject), peerOfWorld(peer, pods)]
    if (!self || !other) throw new Error(subject)
    const { allowed, isolated, certain } = verdictOn(policies, direction, self, other, port)
    return `${allowed ? 'allowed' : 'denied'} ${isolated ? 'isolated' : 'open'}${certain ? '' : ' perhaps'}`
  })
}

interface Term {
  readonly key: string
  readonly value: string
}

interface OrderedRule {
  readonly action: 'Allow' | 'Deny' | 'Pass' | 'Log'
  readonly peer: Term | undefined
  readonly ports: readonly number[]
}

interface OrderedPolicy {
  readonly name: string
  readonly tier: string
  readonly order: number | undefined
  readonly subject: Term | undefined
  readonly ingress: readonly OrderedRule[]
}

const tierOrders: Readonly<Record<string, number>> = { first: 10, default: 1_000_000, last: 2_000_000, open: 500 }

function orderedFrom(dice: Dice, index: number): OrderedPolicy {
  const term = (): Term | undefined =>
    dice.once(3) ? undefined : { key: dice.oneOf(['app', 'tier']), value: dice.oneOf(['x', 'y', 'z']) }
  return {
    name: `p${dice.pick(90)}-${index}`,
    tier: dice.oneOf(Object.keys(tierOrders) as [string]),
    order: dice.oneOf([undefined, 1, 5, 5, 100]),
    subject: term(),
    ingress: dice.some(0, 3, () => ({
      action: dice.oneOf(['Allow', 'Allow', 'Deny', 'Pass', 'Log']),
      peer: term(),
      ports: dice.oneOf<readonly number[]>([[], [8080], [4143, 9090]]),
    })),
  }
}

function calicoWire({ name, tier, order, subject, ingress }: OrderedPolicy): object {
  const text = (term: Term | undefined) => (term ? `${term.key} == '${term.value}'` : 'all()')
  return {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'GlobalNetworkPolicy',
    metadata: { name },
    spec: {
      tier,
      order: order ?? null,
      selector: text(subject),
      types: ['Ingress'],
      ingress: ingress.map(({ action, peer, ports }) => ({
        action,
        ...(ports.length > 0 ? { protocol: 'TCP', destination: { ports } } : {}),
        ...(peer ? { source: { selector: text(peer) } } : {}),
      })),
    },
  }
}

/** By the documentation: tiers by order, policies by order and name, the first rule that matches; `open` passes what it leaves. */
function byDefinition(policies: readonly OrderedPolicy[], subject: Endpoint, peer: Endpoint | undefined, port: number) {
  const meets = (term: Term | undefined, pod: Endpoint | undefined) => !term || pod?.labels[term.key] === term.value
  const own = policies.filter((policy) => meets(policy.subject, subject))
  tiers: for (const tier of Object.keys(tierOrders).sort((a, b) => (tierOrders[a] ?? 0) - (tierOrders[b] ?? 0))) {
    const here = own
      .filter((policy) => policy.tier === tier)
      .sort((a, b) => (a.order ?? 1e9) - (b.order ?? 1e9) || (a.name < b.name ? -1 : 1))
    for (const { ingress } of here)
      for (const { action, peer: wanted, ports } of ingress) {
        if (!meets(wanted, peer) || (ports.length > 0 && !ports.includes(port)) || action === 'Log') continue
        if (action === 'Pass') continue tiers
        return action === 'Allow' ? 'allowed' : 'denied'
      }
    if (here.length > 0 && tier !== 'open') return 'denied'
  }
  return 'allowed'
}

function tierObject(name: string): Resource<'CalicoTier'> {
  const spec = { order: tierOrders[name], ...(name === 'open' ? { defaultAction: 'Pass' } : {}) }
  const read = readResource({ apiVersion: 'projectcalico.org/v3', kind: 'Tier', metadata: { name }, spec })
  if (read.as !== 'resource' || read.resource.kind !== 'CalicoTier') throw new Error(name)
  return read.resource
}

t.test('it asks Calico tiers, policies and rules in their order', async (t) => {
  const tiers = calicoTiers(Object.keys(tierOrders).map(tierObject))
  const counts: Record<string, number> = {}
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const world = worldFrom(seed, () => ({}))
      const dice = diceFrom(seed + 1)
      const ordered = dice.some(1, 6, () => 0).map((_, index) => orderedFrom(dice, index))
      const policies = ordered.flatMap((policy) => translate(readPolicy(calicoWire(policy)), tiers))
      const pods = new Map(world.endpoints.map((pod) => [pod.id, endpointOf(pod, world)]))
      for (const { subject, peer, port } of world.queries) {
        const [self, other] = [pods.get(subject), typeof peer === 'string' ? pods.get(peer) : undefined]
        if (!self) throw new Error(subject)
        const outside = parseCidr('203.0.113.7/32')
        const found = verdictOn(policies, 'ingress', self, other ?? outside ?? self, port).allowed
          ? 'allowed'
          : 'denied'
        const expected = byDefinition(ordered, self, other, port)
        counts[expected] = (counts[expected] ?? 0) + 1
        if (found !== expected)
          throw new Error(`${found}, by the definition ${expected}: ${JSON.stringify({ ordered, self, other, port })}`)
      }
    }),
    { numRuns, seed: 103 },
  )
  t.comment(`${numRuns} cases of 12 queries`, counts)
  t.ok(Math.min(counts['allowed'] ?? 0, counts['denied'] ?? 0) > 5000, 'both happen often')
})

interface ClusterWire {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly tier: string
    readonly priority: number
    readonly subject: WirePeer
    readonly ingress?: readonly ClusterRule[]
    readonly egress?: readonly ClusterRule[]
  }
}

interface ClusterRule {
  readonly action: string
  readonly from?: readonly WirePeer[]
  readonly to?: readonly WirePeer[]
  readonly protocols?: readonly {
    readonly tcp?: {
      readonly destinationPort?: {
        readonly number?: number
        readonly range?: { readonly start: number; readonly end: number }
      }
    }
    readonly destinationNamedPort?: string
  }[]
}

/** By the API: Admin by priority, then what NetworkPolicies say where they isolate, else Baseline by priority. */
function clusterDefinition(
  policies: readonly ClusterWire[],
  ordinary: { readonly allowed: boolean; readonly isolated: boolean },
  { direction, port }: World['queries'][number],
  self: Endpoint,
  other: Endpoint,
): boolean {
  const is = ({ namespaces, pods }: WirePeer, pod: Endpoint) =>
    (!namespaces || selects(namespaces, pod.namespaceLabels)) &&
    (!pods || (selects(pods.namespaceSelector, pod.namespaceLabels) && selects(pods.podSelector, pod.labels))) &&
    (namespaces !== undefined || pods !== undefined)
  const server = direction === 'ingress' ? self : other
  const isOn = ({ protocols }: ClusterRule) =>
    protocols === undefined ||
    protocols.some(({ tcp, destinationNamedPort: name }) => {
      if (name !== undefined) return server.named.get(name)?.includes(port) === true
      const { number, range } = tcp?.destinationPort ?? {}
      return (
        tcp !== undefined &&
        (number === undefined ? !range || (range.start <= port && port <= range.end) : number === port)
      )
    })
  const ask = (tier: string) =>
    policies
      .filter(({ spec }) => spec.tier === tier && is(spec.subject, self))
      .sort((a, b) => a.spec.priority - b.spec.priority)
      .flatMap(({ spec }) => spec[direction] ?? [])
      .find((rule) => isOn(rule) && [...(rule.from ?? []), ...(rule.to ?? [])].some((peer) => is(peer, other)))?.action
  const admin = ask('Admin')
  if (admin === 'Accept' || admin === 'Deny') return admin === 'Accept'
  if (ordinary.isolated) return ordinary.allowed
  return ask('Baseline') !== 'Deny'
}

t.test('it asks ClusterNetworkPolicies before and after NetworkPolicies', async (t) => {
  const counts = { allowed: 0, denied: 0, decided: 0 }
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const world = worldFrom(seed, (dice, i) =>
        dice.once(3) ? networkPolicyFrom(dice, i) : clusterPolicyFrom(dice, i),
      )
      const clusterwide = world.policies.filter((policy) => JSON.stringify(policy).includes('v1alpha2'))
      const ordinary = translated(...world.policies.filter((policy) => !clusterwide.includes(policy)))
      const policies = translated(...world.policies)
      const pods = new Map(world.endpoints.map((pod) => [pod.id, endpointOf(pod, world)]))
      for (const query of world.queries) {
        const [self, other] = [
          pods.get(query.subject),
          typeof query.peer === 'string' ? pods.get(query.peer) : undefined,
        ]
        if (!self || !other) continue
        const beside = verdictOn(ordinary, query.direction, self, other, query.port)
        const found = verdictOn(policies, query.direction, self, other, query.port)
        if (!found.certain) continue
        const expected = clusterDefinition(clusterwide as ClusterWire[], beside, query, self, other)
        counts[expected ? 'allowed' : 'denied']++
        if (expected !== beside.allowed) counts.decided++
        if (found.allowed !== expected)
          throw new Error(JSON.stringify({ expected, query, self, other, policies: world.policies }))
      }
    }),
    { numRuns, seed: 107 },
  )
  t.comment(`${numRuns} cases of 12 queries`, counts)
  t.ok(Math.min(counts.allowed, counts.denied, counts.decided) > 1000, 'each happens often')
})

function anyPolicyFrom(dice: Dice, index: number): object {
  return dice.oneOf([networkPolicyFrom, ciliumPolicyFrom, clusterPolicyFrom])(dice, index)
}

function sameVerdicts(change: (policies: readonly object[], world: World) => readonly object[], seed: number): void {
  fc.assert(
    fc.property(fc.nat(), (at) => {
      const world = worldFrom(at, anyPolicyFrom, 12, ciliumEntities)
      const before = verdicts(translated(...world.policies), world)
      const after = verdicts(translated(...change(world.policies, world)), world)
      if (before.join() !== after.join())
        throw new Error(`${before.join()}, then ${after.join()}: ${JSON.stringify(world)}`)
    }),
    { numRuns, seed },
  )
}

t.test('it does not depend on the order in which policies are given', async () => {
  sameVerdicts((policies) => policies.toReversed(), 109)
})

t.test('it does not depend on policies of a namespace that holds neither end', async () => {
  const far = { name: 'far', namespace: 'far' }
  sameVerdicts(
    (policies) => [
      ...policies,
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: far,
        spec: { policyTypes: ['Ingress', 'Egress'] },
      },
      {
        apiVersion: 'cilium.io/v2',
        kind: 'CiliumNetworkPolicy',
        metadata: far,
        spec: { endpointSelector: {}, ingressDeny: [{ fromEntities: ['all'] }] },
      },
      {
        apiVersion: 'projectcalico.org/v3',
        kind: 'NetworkPolicy',
        metadata: far,
        spec: { order: 1, ingress: [{ action: 'Deny' }] },
      },
    ],
    113,
  )
})

/** Every rule that names several peers, as one rule for each, one behind the other. */
function splitByPeers(policy: object): object {
  const { spec, ...rest } = policy as { spec?: Record<string, unknown> }
  if (!spec) return policy
  const split = (rules: unknown) =>
    Array.isArray(rules)
      ? rules.flatMap((rule: Record<string, unknown>) => {
          const member = ['from', 'to', 'fromEndpoints', 'toEndpoints', 'fromCIDR', 'toCIDR'].find((one) =>
            Array.isArray(rule[one]),
          )
          const peers = member === undefined ? [] : (rule[member] as unknown[])
          return member !== undefined && peers.length > 1
            ? peers.map((peer) => ({ ...rule, [member]: [peer] }))
            : [rule]
        })
      : rules
  const sections = ['ingress', 'egress', 'ingressDeny', 'egressDeny'].filter((section) => section in spec)
  return {
    ...rest,
    spec: { ...spec, ...Object.fromEntries(sections.map((section) => [section, split(spec[section])])) },
  }
}

t.test('it judges a rule as the rules it can be split into', async () => {
  sameVerdicts((policies) => policies.map(splitByPeers), 127)
})

t.test('it is not certain where equal priorities, or what is not known, may decide otherwise', async (t) => {
  const pod: Endpoint = {
    namespace: 'a',
    labels: { app: 'x' },
    namespaceLabels: { [namespaceNameLabel]: 'a' },
    named: new Map(),
  }
  const admin = (name: string, priority: number, action: string, to: object = { namespaces: {} }) => ({
    apiVersion: 'policy.networking.k8s.io/v1alpha1',
    kind: 'AdminNetworkPolicy',
    metadata: { name },
    spec: { priority, subject: { namespaces: {} }, egress: [{ action, to: [to] }] },
  })
  const verdict = (...objects: object[]) => {
    const { allowed, certain } = verdictOn(translated(...objects), 'egress', pod, pod, 80)
    return `${allowed ? 'allowed' : 'denied'}${certain ? '' : ' perhaps'}`
  }
  const unknown = { namespaces: { matchLabels: { team: '${TEAM}' } } }
  t.equal(verdict(admin('a', 1, 'Allow'), admin('b', 2, 'Deny')), 'allowed')
  t.equal(verdict(admin('a', 1, 'Allow'), admin('b', 1, 'Deny')), 'allowed perhaps')
  t.equal(verdict(admin('a', 1, 'Allow'), admin('b', 1, 'Allow')), 'allowed')
  t.equal(verdict(admin('a', 1, 'Pass'), admin('b', 1, 'Deny')), 'allowed perhaps')
  t.equal(verdict(admin('a', 1, 'Deny', unknown)), 'allowed perhaps')
  t.equal(verdict(admin('a', 1, 'Allow', unknown)), 'allowed')
  t.equal(verdict(admin('a', 1, 'Deny', unknown), admin('b', 2, 'Deny')), 'denied')
})
