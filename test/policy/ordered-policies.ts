import { namespaceNameLabel } from '../../src/policy/policy.ts'
import { type Dice, namespaceNames, numbers, podKeys, portNames, selectorFrom } from '../oracle/worlds.ts'

/*
 * Policies of kinds whose rules are asked in an order, for the clusters of test/oracle/worlds.ts; and other ways of writing them
 * that mean the same.
 */

interface WireRule {
  readonly [member: string]: unknown
}

/** The part of a policy that is written again: the place in the order, and rules per direction. */
export interface Ordered {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec: {
    readonly [member: string]: unknown
    readonly priority?: number
    readonly order?: number
    readonly ingress?: readonly WireRule[]
    readonly egress?: readonly WireRule[]
  }
}

const directions = ['ingress', 'egress'] as const
const namespaceKeys = ['team', 'valueOf', namespaceNameLabel] as const

/** Of a kind, one policy; orders differ and leave room between two. */
export type Write = (dice: Dice, index: number) => Ordered

const adminWho = (dice: Dice) =>
  dice.once(2)
    ? { namespaces: selectorFrom(dice, namespaceKeys) }
    : { pods: { podSelector: selectorFrom(dice, podKeys), namespaceSelector: selectorFrom(dice, namespaceKeys) } }

function adminRules(dice: Dice, member: 'from' | 'to', isBaseline: boolean): WireRule[] {
  return dice.some(1, 4, () => ({
    action: dice.oneOf(isBaseline ? ['Allow', 'Deny'] : ['Allow', 'Allow', 'Deny', 'Pass']),
    [member]: dice.some(1, 3, () => adminWho(dice)),
    ...(dice.once(4) ? {} : { ports: dice.some(1, 3, () => adminPort(dice)) }),
  }))
}

function adminPort(dice: Dice): object {
  if (dice.once(4)) return { namedPort: dice.oneOf(portNames) }
  const port = dice.oneOf(numbers)
  return dice.once(3)
    ? { portRange: { protocol: 'TCP', start: port, end: port + dice.oneOf([1, 4000]) } }
    : { portNumber: { protocol: 'TCP', port } }
}

/** AdminNetworkPolicies, and the one BaselineAdminNetworkPolicy, which comes first. */
export function adminPolicy(dice: Dice, index: number): Ordered {
  const isBaseline = index === 0
  const sections = directions.map((direction) => [
    direction,
    dice.once(4) ? [] : adminRules(dice, direction === 'ingress' ? 'from' : 'to', isBaseline),
  ])
  return Object.assign(
    { apiVersion: 'policy.networking.k8s.io/v1alpha1' },
    {
      kind: isBaseline ? 'BaselineAdminNetworkPolicy' : 'AdminNetworkPolicy',
      metadata: { name: isBaseline ? 'default' : `p${index}` },
      spec: {
        ...(isBaseline ? {} : { priority: (1 + dice.pick(9)) * 100 + index * 10 }),
        subject: adminWho(dice),
        ...Object.fromEntries(sections),
      },
    },
  )
}

const calicoTerm = (dice: Dice, keys: readonly [string, ...string[]]) => {
  const key = dice.oneOf(keys)
  return dice.oneOf([
    'all()',
    `${key} == '${dice.oneOf(['x', 'y'])}'`,
    `${key} != 'x'`,
    `${key} in {'x', 'y'}`,
    `has(${key})`,
    `!has(${key})`,
    `${key} starts with 'x' || ${key} == 'z'`,
  ])
}

/** Calico policies of three tiers, namespaced and global, that allow, deny and pass. */
export function calicoPolicy(dice: Dice, index: number): Ordered {
  const isGlobal = dice.once(2)
  const pods = () => calicoTerm(dice, ['app', 'tier'])
  const rulesOf = (direction: 'ingress' | 'egress'): WireRule[] =>
    dice.some(0, 4, () => {
      const entity = {
        selector: pods(),
        ...(dice.once(2) ? { namespaceSelector: calicoTerm(dice, ['team']) } : {}),
      }
      const ports = dice.once(4)
        ? {}
        : { ports: dice.some(1, 3, () => dice.oneOf<number | string>([...numbers, 'http', '8000:9000'])) }
      return {
        action: dice.oneOf(['Allow', 'Allow', 'Deny', 'Pass', 'Log']),
        protocol: 'TCP',
        ...(direction === 'ingress'
          ? { source: entity, destination: ports }
          : { destination: { ...entity, ...ports } }),
      }
    })
  return Object.assign(
    { apiVersion: 'projectcalico.org/v3' },
    {
      kind: isGlobal ? 'GlobalNetworkPolicy' : 'NetworkPolicy',
      metadata: { name: `p${index}`, ...(isGlobal ? {} : { namespace: dice.oneOf(namespaceNames) }) },
      spec: {
        tier: dice.oneOf(['default', 'default', 'adminnetworkpolicy', 'baselineadminnetworkpolicy']),
        order: (1 + dice.pick(9)) * 100 + index * 10,
        selector: pods(),
        ...(isGlobal && dice.once(2) ? { namespaceSelector: calicoTerm(dice, ['team']) } : {}),
        types: dice.oneOf([['Ingress'], ['Ingress', 'Egress']]),
        ingress: rulesOf('ingress'),
        egress: rulesOf('egress'),
      },
    },
  )
}

function withRules(policy: Ordered, change: (rules: readonly WireRule[]) => readonly WireRule[]): Ordered {
  const sections = directions.flatMap((direction) => {
    const rules = policy.spec[direction]
    return rules ? [[direction, change(rules)] as const] : []
  })
  return { ...policy, spec: { ...policy.spec, ...Object.fromEntries(sections) } }
}

/** For each peer of a rule, a rule. */
export function splitByPeers(policy: Ordered): Ordered {
  return withRules(policy, (rules) =>
    rules.flatMap((rule) => {
      const member = Array.isArray(rule['from']) ? 'from' : 'to'
      const peers = rule[member]
      return Array.isArray(peers) ? peers.map((peer) => ({ ...rule, [member]: [peer] })) : [rule]
    }),
  )
}

/** For each port of a rule, a rule. */
export function splitByPorts(policy: Ordered): Ordered {
  return withRules(policy, (rules) =>
    rules.flatMap((rule) => {
      const destination = rule['destination'] as { readonly ports?: readonly unknown[] } | undefined
      if (destination?.ports)
        return destination.ports.map((port) => ({ ...rule, destination: { ...destination, ports: [port] } }))
      const member = Array.isArray(rule['ports']) ? 'ports' : 'protocols'
      const ports = rule[member]
      return Array.isArray(ports) ? ports.map((port) => ({ ...rule, [member]: [port] })) : [rule]
    }),
  )
}

/** Two policies, one right behind the other: the first rules of each direction, and the others. Not of a kind with one policy. */
export function splitInTwo(policy: Ordered): Ordered[] {
  const { priority, order } = policy.spec
  if (priority === undefined && order === undefined) return [policy]
  const behind = priority === undefined ? { order: (order ?? 0) + 1 } : { priority: priority + 1 }
  const half = (rules: readonly WireRule[]) => Math.ceil(rules.length / 2)
  const [first, second] = [
    withRules(policy, (rules) => rules.slice(0, half(rules))),
    withRules(policy, (rules) => rules.slice(half(rules))),
  ]
  const metadata = { ...policy.metadata, name: `${policy.metadata.name}-more` }
  return [first, { ...second, metadata, spec: { ...second.spec, ...behind } }]
}

/** What closes a rule's list: the same once more, which nobody gets to. */
export function repeatRules(policy: Ordered): Ordered {
  return withRules(policy, (rules) => [...rules, ...rules])
}
