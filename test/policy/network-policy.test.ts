import fc from 'fast-check'
import t from 'tap'
import { readResource } from '../../src/k8s/resource.ts'
import { selects } from '../../src/k8s/selector.ts'
import type { LabelSelector } from '../../src/k8s/spec-shapes.ts'
import { formatBox } from '../../src/policy/box.ts'
import { fromNetworkPolicy } from '../../src/policy/network-policy.ts'
import { namespaceKey, namespaceNameLabel, type Peer, type Policy, podKey } from '../../src/policy/policy.ts'
import { formatPorts } from '../../src/policy/port-set.ts'
import { verdictOn } from '../../src/policy/verdict.ts'
import { diceFrom, networkPolicyFrom, worldFrom } from '../oracle/worlds.ts'

function translate(spec: unknown, namespace = 'a'): Policy {
  // Through JSON: what is undefined is absent.
  const metadata = { name: 'p', namespace }
  const wire = JSON.stringify({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata, spec })
  const read = readResource(JSON.parse(wire))
  if (read.as !== 'resource' || read.resource.kind !== 'NetworkPolicy') throw new Error(JSON.stringify(read))
  return fromNetworkPolicy(read.resource)
}

t.test('it isolates the directions that policyTypes names, or else those that it has rules for', async (t) => {
  // policyTypes, has ingress rules, has egress rules → ingress, egress
  const table: readonly (readonly [unknown, unknown, unknown, boolean, boolean])[] = [
    [undefined, undefined, undefined, true, false],
    [undefined, [], [], true, false],
    [undefined, [{}], [{}], true, true],
    [undefined, undefined, [{}], true, true],
    [[], undefined, [null], true, true],
    [null, null, null, true, false],
    [['Ingress'], undefined, [{}], true, false],
    [['Egress'], [{}], undefined, false, true],
    [['Egress'], [{}], [], false, true],
    [['Ingress', 'Egress'], undefined, undefined, true, true],
  ]
  for (const [policyTypes, ingress, egress, isIngress, isEgress] of table) {
    const { directions } = translate({ podSelector: {}, policyTypes, ingress, egress })
    const name = JSON.stringify({ policyTypes, ingress, egress })
    t.same([directions.ingress.isolates, directions.egress.isolates], [isIngress, isEgress], name)
    for (const { isolates, rules } of Object.values(directions))
      if (!isolates) t.same(rules, [], `${name}: rules of a direction that is not named are ignored`)
  }
})

t.test('it reads a port entry as the API does', async (t) => {
  const table: readonly (readonly [unknown, string, readonly string[], boolean])[] = [
    [{ port: 8080 }, '8080', [], false],
    [{ port: 8080, protocol: 'TCP' }, '8080', [], false],
    [{ port: 8080, protocol: null }, '8080', [], false],
    [{ port: 8000, endPort: 9000 }, '8000-9000', [], false],
    [{ port: 8000, endPort: null }, '8000', [], false],
    [{}, '1-65535', [], false],
    [null, '1-65535', [], false],
    [{ protocol: 'TCP' }, '1-65535', [], false],
    [{ protocol: 'UDP' }, '', [], false],
    [{ protocol: 'SCTP', port: 8080 }, '', [], false],
    [{ port: 'http' }, '', ['http'], false],
    [{ port: 'http', protocol: 'UDP' }, '', [], false],
    // What the API server refuses grants nothing.
    [{ port: '8080' }, '', [], false],
    [{ port: 0 }, '', [], false],
    [{ port: 65536 }, '', [], false],
    [{ port: 9000, endPort: 8000 }, '', [], false],
    [{ port: 8080, protocol: 'tcp' }, '', [], false],
    // What is not filled in yet is not known.
    [{ port: '${PORT}' }, '', [], true],
    [{ port: 8000, endPort: '${LAST}' }, '', [], true],
    [{ port: 8080, protocol: '${PROTOCOL}' }, '', [], true],
  ]
  for (const [entry, numbers, names, unknown] of table) {
    const [rule] = translate({ ingress: [{ ports: [entry] }] }).directions.ingress.rules
    const ports = rule?.ports
    t.same(
      [formatPorts(ports?.numbers ?? []), ports?.names, ports?.unknown],
      [numbers, names, unknown],
      JSON.stringify(entry),
    )
    t.same(rule?.entries[0]?.path, ['spec', 'ingress', 0, 'ports', 0])
  }
  for (const ports of [undefined, null, []]) {
    const [rule] = translate({ ingress: [{ ports }] }).directions.ingress.rules
    t.equal(formatPorts(rule?.ports.numbers ?? []), '1-65535', `ports: ${JSON.stringify(ports)} is every port`)
    t.same(rule?.entries, [])
  }
})

/** A peer in words. */
function wordsOf(peer: Peer | undefined): string {
  if (peer?.as === 'addresses') return `${peer.cidr} except ${peer.except.join(' ')}`
  if (peer?.as !== 'pods') return peer?.as ?? 'none'
  return `${peer.outside ? 'all' : 'pods'} [${formatBox(peer.box, podKey)}] [${formatBox(peer.box, namespaceKey)}]`
}

t.test('it reads a peer as the API does', async (t) => {
  const own = `${namespaceNameLabel}=a`
  const table: readonly (readonly [unknown, string])[] = [
    [{ podSelector: {} }, `pods [] [${own}]`],
    [{ podSelector: { matchLabels: { app: 'x' } }, namespaceSelector: null }, `pods [app=x] [${own}]`],
    [{ namespaceSelector: {} }, 'pods [] []'],
    [
      { namespaceSelector: { matchLabels: { team: 'red' } }, podSelector: { matchLabels: { app: 'x' } } },
      'pods [app=x] [team=red]',
    ],
    [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }, '10.0.0.0/8 except 10.1.0.0/16'],
    [{ ipBlock: { cidr: '${CIDR}' } }, 'unknown'],
    [{ ipBlock: { cidr: '10.0.0.0/8', except: ['${CIDR}'] } }, 'unknown'],
    [{ podSelector: { matchLabels: { app: '${APP}' } } }, 'unknown'],
    [{ namespaceSelector: { matchExpressions: [{ key: '${KEY}', operator: 'Exists' }] } }, 'unknown'],
    [{ podSelector: { matchLabels: { '${KEY}': 'x' } } }, 'unknown'],
    // The API server refuses all three. Policy engines take an empty peer for the own namespace, and this selector for nobody.
    [{}, `pods [] [${own}]`],
    [null, `pods [] [${own}]`],
    [{ podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: [] }] } }, 'pods [no label ] []'],
  ]
  for (const [peer, expected] of table) {
    const policy = translate({ egress: [{ to: [peer] }] })
    const [one] = policy.directions.egress.rules[0]?.peers ?? []
    t.equal(wordsOf(one), expected, JSON.stringify(peer))
    t.same(one?.path, ['spec', 'egress', 0, 'to', 0])
  }
  for (const from of [undefined, null, []])
    t.equal(wordsOf(translate({ ingress: [{ from }] }).directions.ingress.rules[0]?.peers[0]), 'all [] []')
  const [unplaced] = translate({ ingress: [{ from: [{ podSelector: {} }] }] }, '${NS}').directions.ingress.rules
  t.equal(wordsOf(unplaced?.peers[0]), 'unknown', 'the own namespace is not known either')
})

t.test('it knows when it does not know whom it is about', async (t) => {
  t.equal(translate({ podSelector: {} }).unknownSubject, false)
  t.equal(translate({ podSelector: {} }, '${NS}').unknownSubject, true)
  t.equal(translate({ podSelector: { matchLabels: { app: '${APP}' } } }).unknownSubject, true)
  t.equal(translate({ podSelector: { matchLabels: { '${KEY}': 'x' } } }).unknownSubject, true)
})

type Spec = Readonly<Record<string, unknown>>

/** The spec as the API server stores it (pkg/apis/networking/v1/defaults.go). */
function defaulted(spec: Spec): Spec {
  const rules = (value: unknown) =>
    Array.isArray(value)
      ? value.map((rule: Spec) => ({
          ...rule,
          ...(Array.isArray(rule['ports'])
            ? { ports: rule['ports'].map((port: object) => ({ protocol: 'TCP', ...port })) }
            : {}),
        }))
      : undefined
  const egress = rules(spec['egress'])
  return {
    ...spec,
    podSelector: spec['podSelector'] ?? {},
    policyTypes: spec['policyTypes'] ?? (egress && egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress']),
    ...(spec['ingress'] ? { ingress: rules(spec['ingress']) } : {}),
    ...(egress ? { egress } : {}),
  }
}

const numRuns = 2000

t.test('it reads a policy as written and as stored alike', async (t) => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const { spec } = networkPolicyFrom(diceFrom(seed), 0) as { spec: Spec }
      t.strictSame(translate(spec), translate(defaulted(spec)))
    }),
    { numRuns: 500, seed: 31 },
  )
})

/** The definition in the API's own words, straight from the wire, without boxes or intervals. */
function isAllowed(
  policies: readonly object[],
  world: ReturnType<typeof worldFrom>,
  query: (typeof world.queries)[number],
): string {
  const podOf = (id: unknown) => world.endpoints.find((pod) => pod.id === id)
  const subject = podOf(query.subject)
  const peer = podOf(query.peer)
  if (!subject) throw new Error(query.subject)
  const [type, section, member] =
    query.direction === 'ingress' ? ['Ingress', 'ingress', 'from'] : ['Egress', 'egress', 'to']
  const list = (value: unknown): Spec[] => (Array.isArray(value) ? value : [])
  const selecting = policies.filter((policy) => {
    const { metadata, spec } = policy as { metadata: { namespace: string }; spec: Spec }
    const types = spec['policyTypes'] ?? (list(spec['egress']).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'])
    return (
      metadata.namespace === subject.namespace &&
      Array.isArray(types) &&
      types.includes(type) &&
      selects(spec['podSelector'] as LabelSelector, subject.labels)
    )
  })
  const server = query.direction === 'ingress' ? subject : peer
  const isPort = (entry: Spec) => {
    if ((entry['protocol'] ?? 'TCP') !== 'TCP') return false
    const { port, endPort } = entry
    if (port === undefined) return true
    if (typeof port === 'string')
      return (
        server?.ports.some((one) => one.name === port && one.protocol === 'TCP' && one.port === query.port) ?? false
      )
    return Number(port) <= query.port && query.port <= Number(endPort ?? port)
  }
  const isPeer = (entry: Spec) => {
    const { podSelector, namespaceSelector, ipBlock } = entry
    if (ipBlock !== undefined) return !peer && isWithin(addressOf(query.peer), ipBlock)
    if (!peer) return false
    const labels = { ...world.namespaces[peer.namespace], [namespaceNameLabel]: peer.namespace }
    return (
      (namespaceSelector === undefined
        ? peer.namespace === subject.namespace
        : selects(namespaceSelector as LabelSelector, labels)) && selects(podSelector ?? {}, peer.labels)
    )
  }
  const rules = selecting.flatMap((policy) => list((policy as { spec: Spec }).spec[section ?? '']))
  const granted = rules.some((rule) => {
    const [peers, ports] = [list(rule[member ?? '']), list(rule['ports'])]
    return (peers.length === 0 || peers.some(isPeer)) && (ports.length === 0 || ports.some(isPort))
  })
  return selecting.length === 0 ? 'open' : granted ? 'allowed' : 'denied'
}

/** Of the blocks and addresses that worlds are made of. */
function isWithin(address: string, block: unknown): boolean {
  const { cidr, except = [] } = block as { cidr: string; except?: string[] }
  const bits = (text: string) => text.split('.').reduce((all, part) => all * 256 + Number(part), 0)
  const holds = (one: string) => {
    const [net = '', length] = one.split('/')
    const size = 2 ** (32 - Number(length))
    return Math.floor(bits(net) / size) === Math.floor(bits(address) / size)
  }
  return holds(cidr) && !except.some(holds)
}

t.test('it allows what the definition allows', async (t) => {
  const counts: Record<string, number> = {}
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const world = worldFrom(seed, networkPolicyFrom)
      const policies = world.policies.map((policy) => {
        const { metadata, spec } = policy as { metadata: { namespace: string }; spec: Spec }
        return translate(spec, metadata.namespace)
      })
      const endpointOf = (id: string) => {
        const pod = world.endpoints.find((one) => one.id === id)
        if (!pod) throw new Error(id)
        const named = new Map(
          pod.ports.filter((port) => port.protocol === 'TCP').map(({ name, port }) => [name, [port]]),
        )
        return {
          ...pod,
          named,
          namespaceLabels: { ...world.namespaces[pod.namespace], [namespaceNameLabel]: pod.namespace },
        }
      }
      for (const query of world.queries) {
        const peer =
          typeof query.peer === 'string'
            ? endpointOf(query.peer)
            : { family: 4 as const, ...pointOf(addressOf(query.peer)) }
        const { allowed, isolated } = verdictOn(policies, query.direction, endpointOf(query.subject), peer, query.port)
        const ours = !isolated ? 'open' : allowed ? 'allowed' : 'denied'
        const theirs = isAllowed(world.policies, world, query)
        counts[ours] = (counts[ours] ?? 0) + 1
        if (ours !== theirs)
          throw new Error(`${ours}, by the definition ${theirs}: ${JSON.stringify({ ...world, queries: [query] })}`)
      }
    }),
    { numRuns, seed: 37 },
  )
  t.comment(`${numRuns} cases of 12 queries`, counts)
  t.ok(Math.min(counts['open'] ?? 0, counts['allowed'] ?? 0, counts['denied'] ?? 0) > 500, 'each happens often')
})

function addressOf(peer: ReturnType<typeof worldFrom>['queries'][number]['peer']): string {
  if (typeof peer === 'string' || !('cidr' in peer)) throw new Error(`${JSON.stringify(peer)} has no address`)
  return peer.cidr
}

function pointOf(address: string): { from: bigint; to: bigint } {
  const value = address.split('.').reduce((all, part) => all * 256n + BigInt(part), 0n)
  return { from: value, to: value }
}
