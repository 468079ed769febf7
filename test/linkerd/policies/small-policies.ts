import fc from 'fast-check'
import { selects } from '../../../src/k8s/selector.ts'
import type { LabelSelector } from '../../../src/k8s/spec-shapes.ts'
import { namespaceNameLabel } from '../../../src/policy/policy.ts'

/*
 * NetworkPolicies of namespace `a` over so few labels that every pair of Pods there can be is asked in turn: what is broken by
 * the definition, straight from the wire, to compare with what coverage by boxes finds.
 */

const values = ['x', 'y'] as const
/** `other` stands for every value that no selector names. */
const possible = [undefined, ...values, 'other'] as const

const selectorOver = (...keys: string[]): fc.Arbitrary<LabelSelector> => {
  const key = fc.constantFrom(...keys)
  const term = fc.oneof(
    fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values: fc.subarray([...values], { minLength: 1 }) }),
    fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  )
  return fc.array(term, { maxLength: 2 }).map((matchExpressions) => ({ matchExpressions }))
}
const ofPods = selectorOver('app', 'constructor', 'linkerd.io/control-plane-ns')
const named = (operator: string, values?: string[]): LabelSelector => ({
  matchExpressions: [{ key: namespaceNameLabel, operator, ...(values ? { values } : {}) }],
})
const ofNamespaces = fc.oneof(
  selectorOver('team'),
  fc.constantFrom('a', 'b', 'c', 'd').map((name) => ({ matchLabels: { [namespaceNameLabel]: name } })),
  fc.constantFrom(named('Exists'), named('DoesNotExist'), named('NotIn', ['a']), named('In', ['a', 'd'])),
)

export interface WirePeer {
  readonly podSelector?: LabelSelector
  readonly namespaceSelector?: LabelSelector
  readonly ipBlock?: { readonly cidr: string }
}

export interface WirePort {
  readonly port?: number | string
  readonly endPort?: number
  readonly protocol?: string
}

export interface WireRule {
  readonly peers: readonly WirePeer[]
  readonly ports: readonly WirePort[]
}

export interface WirePolicy {
  readonly subject: LabelSelector
  readonly ingress: readonly WireRule[]
  readonly egress: readonly WireRule[]
}

const peer: fc.Arbitrary<WirePeer> = fc.oneof(
  ofPods.map((podSelector) => ({ podSelector })),
  ofNamespaces.map((namespaceSelector) => ({ namespaceSelector })),
  fc.record({ podSelector: ofPods, namespaceSelector: ofNamespaces }),
  fc.constant({ ipBlock: { cidr: '203.0.113.0/24' } }),
)
const port: fc.Arbitrary<WirePort> = fc.constantFrom<WirePort[]>(
  { port: 8080 },
  { port: 8080 },
  { port: 9000, endPort: 9010, protocol: 'TCP' },
  { port: 4143 },
  { port: 4000, endPort: 5000 },
  { port: 'linkerd-proxy' },
  { port: 53 },
  { port: 4191 },
  { port: 8080, protocol: 'UDP' },
  {},
)
export const wireRule: fc.Arbitrary<WireRule> = fc.record({
  peers: fc.array(peer, { maxLength: 2 }),
  ports: fc.array(port, { maxLength: 2 }),
})
const policy: fc.Arbitrary<WirePolicy> = fc.record({
  subject: fc.oneof(fc.constant({}), ofPods),
  ingress: fc.array(wireRule, { maxLength: 2 }),
  egress: fc.array(wireRule, { maxLength: 2 }),
})
export const policies = fc.array(policy, { minLength: 1, maxLength: 3 })

export type Direction = 'ingress' | 'egress'

/** The spec as one writes it. Both directions are isolated. */
export function specOf({ subject, ingress, egress }: WirePolicy): object {
  return {
    podSelector: subject,
    policyTypes: ['Ingress', 'Egress'],
    ingress: ingress.map(({ peers, ports }) => ({ from: peers, ports })),
    egress: egress.map(({ peers, ports }) => ({ to: peers, ports })),
  }
}

type Labels = Readonly<Record<string, string>>

/** A Pod there can be, and the labels of its namespace. */
export interface PossiblePod {
  readonly namespace: string
  readonly namespaceLabels: Labels
  readonly labels: Labels
}

/** Namespaces `a` and `b` are meshed, `c` is not; no other is known, so that any labels are possible there. */
export const namespaceLabels: Readonly<Record<'a' | 'b' | 'c', Labels>> = {
  a: { team: 'x' },
  b: { team: 'y' },
  c: {},
}

function labelled(keys: readonly string[], given: Labels): Labels[] {
  return keys.reduce<Labels[]>(
    (all, key) =>
      all.flatMap((labels) => possible.map((value) => (value === undefined ? labels : { ...labels, [key]: value }))),
    [given],
  )
}

function podsOf(namespace: string, ofNamespace: Labels): PossiblePod[] {
  const injected = { 'linkerd.io/control-plane-ns': 'linkerd', 'linkerd.io/workload-ns': namespace }
  return labelled(['app', 'constructor'], injected).map((labels) => ({
    namespace,
    namespaceLabels: { ...ofNamespace, [namespaceNameLabel]: namespace },
    labels,
  }))
}

export const targets: readonly PossiblePod[] = podsOf('a', namespaceLabels.a)
/** Every meshed Pod, also of namespaces nobody has seen; `d` is one that selectors name. */
export const everybody: readonly PossiblePod[] = [
  ...targets,
  ...podsOf('b', namespaceLabels.b),
  ...['d', 'elsewhere'].flatMap((name) => labelled(['team'], {}).flatMap((labels) => podsOf(name, labels))),
]

function admits({ podSelector, namespaceSelector, ipBlock }: WirePeer, one: PossiblePod): boolean {
  if (ipBlock) return false
  if (namespaceSelector ? !selects(namespaceSelector, one.namespaceLabels) : one.namespace !== 'a') return false
  return selects(podSelector ?? {}, one.labels)
}

function admitsAny({ peers }: WireRule, one: PossiblePod): boolean {
  return peers.length === 0 || peers.some((peer) => admits(peer, one))
}

function isTcp({ protocol }: WirePort): boolean {
  return (protocol ?? 'TCP') === 'TCP'
}

function opensProxy({ ports }: WireRule): boolean {
  return ports.length === 0 || ports.some((entry) => isTcp(entry) && opens(entry, 4143))
}

function opens({ port, endPort }: WirePort, number: number): boolean {
  if (port === undefined) return true
  if (typeof port === 'string') return number === 4143
  return port <= number && number <= (endPort ?? port)
}

function opensApplication({ ports }: WireRule): boolean {
  return ports.length === 0 || ports.some((entry) => isTcp(entry) && (opens(entry, 8080) || opens(entry, 9005)))
}

/** The rules of a policy that let some pair talk on an application's port whom no policy lets talk on 4143. */
export function brokenByDefinition(
  all: readonly WirePolicy[],
  judged: WirePolicy,
  direction: Direction,
  from: readonly PossiblePod[] = targets,
  to: readonly PossiblePod[] = everybody,
  isPair: (target: PossiblePod, peer: PossiblePod) => boolean = () => true,
): { readonly rule: number; readonly target: PossiblePod; readonly peer: PossiblePod }[] {
  const open = all.map((policy) => ({ policy, rules: policy[direction].filter(opensProxy) }))
  return judged[direction].flatMap((rule, index) => {
    if (opensProxy(rule) || !opensApplication(rule)) return []
    const peers = to.filter((one) => admitsAny(rule, one))
    return from
      .filter((target) => selects(judged.subject, target.labels))
      .flatMap((target) => {
        const granting = open.flatMap(({ policy, rules }) => (selects(policy.subject, target.labels) ? rules : []))
        return peers
          .filter((one) => isPair(target, one) && !granting.some((other) => admitsAny(other, one)))
          .map((one) => ({ rule: index, target, peer: one }))
      })
  })
}
