import type { LabelSelector } from '../../src/k8s/spec-shapes.ts'

/*
 * Small clusters made from a seed: namespaces, Pods, policies, and questions who may connect with whom. Every dialect's
 * oracle asks about the same clusters; a dialect adds how its policies are written. All policies are ones the API server
 * takes: what it refuses never meets an engine.
 */

/** A number source: `pick(n)` is one of 0 … n - 1. The same seed gives the same numbers. */
export interface Dice {
  pick(limit: number): number
  /** True once in `times`. */
  once(times: number): boolean
  oneOf<T>(choices: readonly [T, ...T[]]): T
  some<T>(fewest: number, most: number, make: () => T): T[]
}

export function diceFrom(seed: number): Dice {
  let state = seed >>> 0
  // The finaliser of MurmurHash3 over a Weyl sequence: short, and far better than what is needed here.
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return (mixed ^ (mixed >>> 16)) >>> 0
  }
  const pick = (limit: number): number => next() % limit
  return {
    pick,
    once: (times) => pick(times) === 0,
    oneOf: (choices) => choices[pick(choices.length)] ?? choices[0],
    some: (fewest, most, make) => Array.from({ length: fewest + pick(most - fewest + 1) }, make),
  }
}

export interface PodOfWorld {
  readonly id: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[]
}

export interface Query {
  readonly subject: string
  readonly direction: 'ingress' | 'egress'
  readonly peer: string | { readonly cidr: string } | { readonly entity: string }
  readonly port: number
  readonly protocol: 'TCP'
}

/** A cluster, as the oracles' protocol writes it. */
export interface World {
  readonly id: number
  readonly namespaces: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly endpoints: readonly PodOfWorld[]
  readonly policies: readonly object[]
  readonly queries: readonly Query[]
}

export const namespaceNames = ['a', 'b', 'c'] as const
export const podKeys = ['app', 'tier', 'linkerd.io/control-plane-ns', 'constructor'] as const
export const values = ['x', 'y', 'z'] as const
export const portNames = ['http', 'admin', 'linkerd-proxy'] as const
export const numbers = [4143, 8080, 9090] as const
const outside = ['203.0.113.7', '198.51.100.9', '192.0.2.1'] as const

/**
 * @param writePolicy one policy of a dialect, for a world with these namespaces
 * @param entities who else may be asked about: `host`, `kube-apiserver`
 */
export function worldFrom(
  seed: number,
  writePolicy: (dice: Dice, index: number) => object,
  questions = 12,
  entities: readonly string[] = [],
): World {
  const dice = diceFrom(seed)
  const endpoints = namespaceNames.flatMap((namespace) =>
    dice.some(1, 3, () => namespace).map((home, i): PodOfWorld => podOf(dice, home, `p${i}`)),
  )
  const ids = endpoints.map(({ id }) => id) as [string, ...string[]]
  return {
    id: seed,
    namespaces: Object.fromEntries(namespaceNames.map((name) => [name, labelsFrom(dice, ['team', 'valueOf'])])),
    endpoints,
    policies: dice.some(0, 6, () => 0).map((_, index) => writePolicy(dice, index)),
    queries: dice.some(questions, questions, () => ({
      subject: dice.oneOf(ids),
      direction: dice.oneOf(['ingress', 'egress']),
      peer: dice.once(4) ? outsiderFrom(dice, entities) : dice.oneOf(ids),
      // On the edges of ranges, too.
      port: dice.oneOf(numbers) + (dice.once(4) ? dice.oneOf([-1, 1]) : 0),
      protocol: 'TCP' as const,
    })),
  }
}

function outsiderFrom(dice: Dice, [first, ...more]: readonly string[]): { cidr: string } | { entity: string } {
  if (first === undefined || dice.once(2)) return { cidr: dice.oneOf(outside) }
  return { entity: dice.oneOf([first, ...more]) }
}

function podOf(dice: Dice, namespace: string, name: string): PodOfWorld {
  const names = portNames.filter(() => dice.once(2))
  return {
    id: `${namespace}/${name}`,
    namespace,
    labels: labelsFrom(dice, podKeys),
    ports: names.map((port) => ({
      name: port,
      port: dice.oneOf(numbers),
      protocol: dice.once(6) ? 'UDP' : 'TCP',
    })),
  }
}

function labelsFrom(dice: Dice, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(keys.filter(() => !dice.once(3)).map((key) => [key, dice.oneOf(values)]))
}

/** A label selector; one in four is empty. */
export function selectorFrom(dice: Dice, keys: readonly [string, ...string[]]): LabelSelector {
  if (dice.once(4)) return {}
  const labels = dice.some(0, 1, () => dice.oneOf(keys))
  const valueOf = (key: string) =>
    key === 'kubernetes.io/metadata.name' ? dice.oneOf(namespaceNames) : dice.oneOf(values)
  const matchExpressions = dice.some(0, 2, () => {
    const operator = dice.oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'])
    const key = dice.oneOf(keys)
    return operator === 'In' || operator === 'NotIn'
      ? { key, operator, values: dice.some(1, 2, () => valueOf(key)) }
      : { key, operator }
  })
  return { matchLabels: Object.fromEntries(labels.map((key) => [key, valueOf(key)])), matchExpressions }
}

/** A `networking.k8s.io` NetworkPolicy. */
export function networkPolicyFrom(dice: Dice, index: number): object {
  const types = dice.oneOf<readonly string[] | undefined>([undefined, ['Ingress'], ['Egress'], ['Ingress', 'Egress']])
  const rulesOf = (member: 'from' | 'to') => dice.some(0, 3, () => ruleFrom(dice, member))
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: `p${index}`, namespace: dice.oneOf(namespaceNames) },
    spec: {
      podSelector: dice.once(3) ? {} : selectorFrom(dice, podKeys),
      ...(types ? { policyTypes: types } : {}),
      ...(dice.once(4) ? {} : { ingress: rulesOf('from') }),
      ...(dice.once(2) ? {} : { egress: rulesOf('to') }),
    },
  }
}

function ruleFrom(dice: Dice, member: 'from' | 'to'): object {
  return {
    ...(dice.once(5) ? {} : { [member]: dice.some(0, 2, () => peerFrom(dice)) }),
    ...(dice.once(5) ? {} : { ports: dice.some(0, 2, () => portFrom(dice)) }),
  }
}

function peerFrom(dice: Dice): object {
  if (dice.once(5))
    return {
      ipBlock: dice.oneOf<object>([
        { cidr: '0.0.0.0/0' },
        { cidr: '0.0.0.0/0', except: ['203.0.113.0/28', '198.51.100.0/24'] },
        { cidr: '203.0.113.0/24', except: ['203.0.113.8/29'] },
        { cidr: '198.51.100.9/32' },
      ]),
    }
  const podSelector = selectorFrom(dice, podKeys)
  const namespaceSelector = selectorFrom(dice, ['team', 'valueOf', 'kubernetes.io/metadata.name'])
  // An empty peer is a matter of files only: the API server refuses it, and engines take it for the own namespace.
  if (dice.once(20)) return {}
  return dice.oneOf<object>([{ podSelector }, { namespaceSelector }, { podSelector, namespaceSelector }])
}

function portFrom(dice: Dice): object {
  const protocol = dice.oneOf<object>([
    {},
    {},
    { protocol: 'TCP' },
    { protocol: 'TCP' },
    { protocol: 'UDP' },
    { protocol: 'SCTP' },
  ])
  if (dice.once(8)) return { ...protocol }
  if (dice.once(4)) return { ...protocol, port: dice.oneOf(portNames) }
  const port = dice.oneOf(numbers)
  return dice.once(4) ? { ...protocol, port, endPort: port + dice.oneOf([0, 1, 4000]) } : { ...protocol, port }
}
