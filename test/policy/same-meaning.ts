import type { LabelSelector } from '../../src/k8s/spec-shapes.ts'
import { namespaceNameLabel } from '../../src/policy/policy.ts'

/*
 * NetworkPolicies written again in other dialects, so that they mean the same to Pods.
 */

interface WirePeer {
  readonly podSelector?: LabelSelector
  readonly namespaceSelector?: LabelSelector
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] }
}

interface WirePort {
  readonly protocol?: string
  readonly port?: number | string
  readonly endPort?: number
}

interface WireRule {
  readonly from?: readonly WirePeer[]
  readonly to?: readonly WirePeer[]
  readonly ports?: readonly WirePort[]
}

export interface WireNetworkPolicy {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec: {
    readonly podSelector: LabelSelector
    readonly policyTypes?: readonly string[]
    readonly ingress?: readonly WireRule[]
    readonly egress?: readonly WireRule[]
  }
}

type Direction = 'ingress' | 'egress'

/** The rules of a direction, or undefined where the policy does not isolate it. */
function rulesIn({ spec }: WireNetworkPolicy, direction: Direction): readonly WireRule[] | undefined {
  const rules = spec[direction] ?? []
  const types = spec.policyTypes ?? (direction === 'egress' && rules.length === 0 ? [] : ['Ingress', 'Egress'])
  return types.includes(direction === 'ingress' ? 'Ingress' : 'Egress') ? rules : undefined
}

function peersOf(rule: WireRule): readonly WirePeer[] {
  return [...(rule.from ?? []), ...(rule.to ?? [])]
}

/** As terms, with another name for each key. */
function renamed({ matchLabels, matchExpressions }: LabelSelector, rename: (key: string) => string) {
  return [
    ...Object.entries(matchLabels ?? {}).map(([key, value]) => ({
      key: rename(key),
      operator: 'In',
      values: [value ?? ''],
    })),
    ...(matchExpressions ?? []).map((term) => ({ ...term, key: rename(term?.key ?? '') })),
  ]
}

/** CiliumNetworkPolicies with the meaning of a NetworkPolicy (network-policy.md, 3). */
export function asCilium(policy: WireNetworkPolicy): object[] {
  const { name, namespace } = policy.metadata
  const sections = (['ingress', 'egress'] as const).flatMap((direction) => {
    const rules = rulesIn(policy, direction)
    // A rule that grants nothing isolates.
    return rules ? [[direction, [{}, ...rules.flatMap((rule) => ciliumRules(rule, direction))]] as const] : []
  })
  if (sections.length === 0) return []
  return [
    {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumNetworkPolicy',
      metadata: { name, namespace },
      spec: { endpointSelector: policy.spec.podSelector, ...Object.fromEntries(sections) },
    },
  ]
}

function ciliumRules(rule: WireRule, direction: Direction): object[] {
  const side = direction === 'ingress' ? 'from' : 'to'
  const ports = rule.ports ?? []
  const toPorts = ports.length === 0 ? {} : { toPorts: [{ ports: ports.map(ciliumPort) }] }
  const peers = peersOf(rule)
  if (peers.length === 0) return [{ [`${side}Entities`]: ['all'], ...toPorts }]
  const selectors = peers.filter(({ ipBlock }) => ipBlock === undefined).map(ciliumSelector)
  const blocks = peers.flatMap(({ ipBlock }) => (ipBlock ? [ipBlock] : []))
  return [
    ...(selectors.length > 0 ? [{ [`${side}Endpoints`]: selectors, ...toPorts }] : []),
    ...(blocks.length > 0 ? [{ [`${side}CIDRSet`]: blocks, ...toPorts }] : []),
  ]
}

function ciliumPort({ protocol = 'TCP', port = 0, endPort }: WirePort): object {
  return { protocol, port: String(port), ...(endPort === undefined ? {} : { endPort }) }
}

function ciliumSelector({ podSelector, namespaceSelector }: WirePeer): object {
  const pods = renamed(podSelector ?? {}, (key) => `k8s:${key}`)
  if (!namespaceSelector) return { matchExpressions: pods }
  const namespaces = renamed(namespaceSelector, (key) => `k8s:io.cilium.k8s.namespace.labels.${key}`)
  return { matchExpressions: [...pods, ...namespaces, { key: 'k8s:io.kubernetes.pod.namespace', operator: 'Exists' }] }
}

/** A selector in Calico's language. */
function calicoText(terms: ReturnType<typeof renamed>): string {
  const texts = terms.map(({ key, operator, values }) => {
    const list = (values ?? []).map((value) => `'${value}'`).join(', ')
    if (operator === 'Exists') return `has(${key})`
    if (operator === 'DoesNotExist') return `!has(${key})`
    return `${key} ${operator === 'In' ? 'in' : 'not in'} {${list}}`
  })
  return texts.length > 0 ? texts.join(' && ') : 'all()'
}

/**
 * A Calico NetworkPolicy, or a GlobalNetworkPolicy that names the namespace, with the meaning of a NetworkPolicy.
 *
 * @param order any: what only allows has no order
 */
export function asCalico(policy: WireNetworkPolicy, order: number | undefined, isGlobal: boolean): object[] {
  const { name, namespace } = policy.metadata
  const types = (['ingress', 'egress'] as const).filter((direction) => rulesIn(policy, direction))
  if (types.length === 0) return []
  const rulesOf = (direction: Direction) =>
    (rulesIn(policy, direction) ?? []).flatMap((rule) => calicoRules(rule, direction, namespace))
  return [
    {
      apiVersion: 'projectcalico.org/v3',
      kind: isGlobal ? 'GlobalNetworkPolicy' : 'NetworkPolicy',
      metadata: { name, ...(isGlobal ? {} : { namespace }) },
      spec: {
        selector: calicoText(renamed(policy.spec.podSelector, (key) => key)),
        ...(isGlobal ? { namespaceSelector: `projectcalico.org/name == '${namespace}'` } : {}),
        ...(order === undefined ? {} : { order }),
        types: types.map((direction) => (direction === 'ingress' ? 'Ingress' : 'Egress')),
        ingress: rulesOf('ingress'),
        egress: rulesOf('egress'),
      },
    },
  ]
}

/** The same, with what a tier denies at its end said by rules: those that allow come before them. */
export function asCalicoDenying(policy: WireNetworkPolicy, isGlobal: boolean): object[] {
  return asCalico(policy, 10, isGlobal).flatMap((made) => {
    const { metadata, spec } = made as { metadata: { name: string }; spec: { types: readonly string[] } }
    const denying = (type: string) => (spec.types.includes(type) ? [{ action: 'Deny' }] : [])
    return [
      made,
      {
        ...made,
        metadata: { ...metadata, name: `${metadata.name}-deny` },
        spec: { ...spec, order: 2000, ingress: denying('Ingress'), egress: denying('Egress') },
      },
    ]
  })
}

/** A tier before the others that passes everybody on, by one rule or by two that leave nobody out. */
export function passingTier(half: string): object {
  const pass = (member: 'source' | 'destination') => [
    { action: 'Log' },
    { action: 'Pass', [member]: { selector: half } },
    { action: 'Pass', [member]: { notSelector: half } },
    { action: 'Pass' },
    { action: 'Deny' },
  ]
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkPolicy',
    metadata: { name: 'pass' },
    spec: {
      tier: 'adminnetworkpolicy',
      order: 1,
      selector: 'all()',
      types: ['Ingress', 'Egress'],
      ingress: pass('source'),
      egress: pass('destination'),
    },
  }
}

function calicoRules(rule: WireRule, direction: Direction, namespace: string): object[] {
  const peers = peersOf(rule)
  const entities = peers.length === 0 ? [{}] : peers.map((peer) => calicoEntity(peer, namespace))
  const ports = rule.ports ?? []
  const protocols = ports.length === 0 ? [undefined] : ports
  return entities.flatMap((entity) =>
    protocols.map((entry) => {
      const listed =
        entry?.port === undefined
          ? {}
          : { ports: [entry.endPort === undefined ? entry.port : `${entry.port}:${entry.endPort}`] }
      const ends =
        direction === 'ingress' ? { source: entity, destination: listed } : { destination: { ...entity, ...listed } }
      return { action: 'Allow', ...(entry ? { protocol: entry.protocol ?? 'TCP' } : {}), ...ends }
    }),
  )
}

function calicoEntity({ podSelector, namespaceSelector, ipBlock }: WirePeer, namespace: string): object {
  if (ipBlock) return { nets: [ipBlock.cidr], notNets: ipBlock.except ?? [] }
  const namespaces = namespaceSelector
    ? calicoText(renamed(namespaceSelector, (key) => key))
    : `projectcalico.org/name == '${namespace}'`
  return { selector: calicoText(renamed(podSelector ?? {}, (key) => key)), namespaceSelector: namespaces }
}

type AdminKind = 'AdminNetworkPolicy' | 'BaselineAdminNetworkPolicy' | 'ClusterNetworkPolicy'

/**
 * Policies of an ordered kind with the meaning, among Pods, of NetworkPolicies: first all that allow, in any order, then those that
 * deny what is left to whom they isolate. Of a kind that has no priorities, only one policy can be.
 */
export function asAdmin(policies: readonly WireNetworkPolicy[], kind: AdminKind, tier: string): object[] {
  const allow = kind === 'ClusterNetworkPolicy' ? 'Accept' : 'Allow'
  const make = (policy: WireNetworkPolicy, index: number, denies: boolean) => {
    const sections = (['ingress', 'egress'] as const).map((direction) => {
      const rules = rulesIn(policy, direction)
      const member = direction === 'ingress' ? 'from' : 'to'
      const denying = { action: 'Deny', [member]: [{ namespaces: {} }] }
      const allowing = (rules ?? []).flatMap((rule) => adminRules(rule, member, policy.metadata.namespace, kind, allow))
      return [
        direction,
        [...(kind === 'BaselineAdminNetworkPolicy' || !denies ? allowing : []), ...(rules && denies ? [denying] : [])],
      ]
    })
    const { name, namespace } = policy.metadata
    const pods = {
      podSelector: policy.spec.podSelector,
      namespaceSelector: { matchLabels: { [namespaceNameLabel]: namespace } },
    }
    return {
      apiVersion: `policy.networking.k8s.io/${kind === 'ClusterNetworkPolicy' ? 'v1alpha2' : 'v1alpha1'}`,
      kind,
      metadata: { name: `${name}-${denies ? 'deny' : 'allow'}` },
      spec: {
        ...(kind === 'ClusterNetworkPolicy' ? { tier } : {}),
        ...(kind === 'BaselineAdminNetworkPolicy' ? {} : { priority: denies ? 500 + index : index }),
        subject: { pods },
        ...Object.fromEntries(sections),
      },
    }
  }
  if (kind === 'BaselineAdminNetworkPolicy') return policies.map((policy, i) => make(policy, i, true))
  return policies.flatMap((policy, i) => [make(policy, i, true), make(policy, policies.length - i, false)])
}

function adminRules(rule: WireRule, member: string, namespace: string, kind: AdminKind, action: string): object[] {
  const ports = rule.ports ?? []
  const listed =
    ports.length === 0
      ? {}
      : kind === 'ClusterNetworkPolicy'
        ? { protocols: ports.flatMap(clusterProtocols) }
        : { ports: ports.map(adminPort) }
  const peers = peersOf(rule)
  const own = { matchLabels: { [namespaceNameLabel]: namespace } }
  const pods = peers
    .filter(({ ipBlock }) => ipBlock === undefined)
    .map(({ podSelector = {}, namespaceSelector = own }) => ({ pods: { podSelector, namespaceSelector } }))
  if (peers.length === 0) return [{ action, [member]: [{ namespaces: {} }], ...listed }]
  return pods.length > 0 ? [{ action, [member]: pods, ...listed }] : []
}

function adminPort({ protocol = 'TCP', port, endPort }: WirePort): object {
  // Worlds have a port of each name in one protocol only where it matters: names are left to TCP.
  if (typeof port === 'string') return protocol === 'TCP' ? { namedPort: port } : { portNumber: { protocol, port: 1 } }
  return { portRange: { protocol, start: port ?? 1, end: endPort ?? port ?? 65535 } }
}

function clusterProtocols({ protocol = 'TCP', port, endPort }: WirePort): object[] {
  const key = protocol.toLowerCase()
  if (typeof port === 'string') return protocol === 'TCP' ? [{ destinationNamedPort: port }] : [{ [key]: {} }]
  if (port === undefined) return [{ [key]: {} }]
  return [
    { [key]: { destinationPort: endPort === undefined ? { number: port } : { range: { start: port, end: endPort } } } },
  ]
}
