import { namespaceNameLabel } from '../../../src/policy/policy.ts'
import type { Dice } from '../../oracle/worlds.ts'

/*
 * Policies of every dialect over one label of Pods and one of Namespaces, ports 8080, 9090 and the proxy's.
 */

const ports = [4143, 8080, 9090] as const

const podSelector = (dice: Dice) =>
  dice.oneOf<object>([
    {},
    { matchLabels: { app: 'x' } },
    { matchExpressions: [{ key: 'app', operator: dice.oneOf(['In', 'NotIn']), values: ['x', 'y'] }] },
    { matchExpressions: [{ key: 'linkerd.io/control-plane-ns', operator: 'Exists' }] },
  ])

const namespaceSelector = (dice: Dice) =>
  dice.oneOf<object>([
    {},
    { matchLabels: { team: dice.oneOf(['x', 'y']) } },
    { matchLabels: { [namespaceNameLabel]: dice.oneOf(['a', 'b']) } },
    { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['x'] }] },
  ])

function object(apiVersion: string, kind: string, name: string, namespace: string | undefined, spec: object): object {
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, spec }
}

function ordinary(dice: Dice, name: string): object {
  const rule = (member: 'from' | 'to') => ({
    [member]: [
      { podSelector: podSelector(dice), ...(dice.once(2) ? { namespaceSelector: namespaceSelector(dice) } : {}) },
    ],
    ...(dice.once(4) ? {} : { ports: dice.some(1, 2, () => ({ port: dice.oneOf(ports) })) }),
  })
  return object('networking.k8s.io/v1', 'NetworkPolicy', name, dice.oneOf(['a', 'b']), {
    podSelector: podSelector(dice),
    policyTypes: ['Ingress', 'Egress'],
    ingress: dice.some(0, 2, () => rule('from')),
    egress: dice.some(0, 1, () => rule('to')),
  })
}

function ciliumSpec(dice: Dice, wide: boolean): object {
  const selector = (): object => {
    const found: { matchLabels?: object; matchExpressions?: object } = { ...podSelector(dice) }
    if (!wide && !dice.once(3)) return found
    const place = dice.oneOf<object>([
      { 'k8s:io.kubernetes.pod.namespace': dice.oneOf(['a', 'b']) },
      { 'k8s:io.cilium.k8s.namespace.labels.team': dice.oneOf(['x', 'y']) },
      {},
    ])
    return { ...found, matchLabels: { ...found.matchLabels, ...place } }
  }
  const rule = (member: string) => ({
    [member]: [dice.once(4) ? {} : selector()],
    ...(dice.once(3) ? {} : { toPorts: [{ ports: dice.some(1, 2, () => ({ port: String(dice.oneOf(ports)) })) }] }),
  })
  return {
    endpointSelector: wide ? selector() : podSelector(dice),
    ingress: dice.some(1, 2, () => rule('fromEndpoints')),
    ...(dice.once(2) ? { ingressDeny: dice.some(1, 2, () => rule('fromEndpoints')) } : {}),
    ...(dice.once(3) ? { egress: [rule('toEndpoints')] } : {}),
    ...(dice.once(4) ? { enableDefaultDeny: { ingress: false } } : {}),
  }
}

function cilium(dice: Dice, name: string): object {
  return object('cilium.io/v2', 'CiliumNetworkPolicy', name, dice.oneOf(['a', 'b']), ciliumSpec(dice, false))
}

function ciliumWide(dice: Dice, name: string): object {
  return object('cilium.io/v2', 'CiliumClusterwideNetworkPolicy', name, undefined, ciliumSpec(dice, true))
}

const calicoText = (dice: Dice) =>
  dice.oneOf([
    'all()',
    "app == 'x'",
    "app not in {'x', 'y'}",
    '!has(app)',
    "app starts with 'x'",
    "app == 'y' || !has(app)",
  ])

function calicoSpec(dice: Dice, wide: boolean): object {
  const entity = () => ({
    selector: calicoText(dice),
    ...(dice.once(2) ? { namespaceSelector: dice.oneOf(["team == 'x'", 'all()', "team != 'x'"]) } : {}),
  })
  const listed = () => (dice.once(3) ? {} : { ports: [dice.oneOf(ports)] })
  const rule = (direction: 'ingress' | 'egress') => ({
    action: dice.oneOf(['Allow', 'Allow', 'Deny', 'Pass']),
    protocol: 'TCP',
    ...(direction === 'ingress'
      ? { source: entity(), destination: listed() }
      : { destination: { ...entity(), ...listed() } }),
  })
  return {
    tier: dice.oneOf(['default', 'default', 'adminnetworkpolicy']),
    order: dice.pick(20),
    selector: calicoText(dice),
    ...(wide && dice.once(2) ? { namespaceSelector: "team == 'y'" } : {}),
    types: ['Ingress', ...(dice.once(3) ? ['Egress'] : [])],
    ingress: dice.some(1, 3, () => rule('ingress')),
    egress: dice.some(0, 2, () => rule('egress')),
  }
}

function calico(dice: Dice, name: string): object {
  return object('projectcalico.org/v3', 'NetworkPolicy', name, dice.oneOf(['a', 'b']), calicoSpec(dice, false))
}

function calicoWide(dice: Dice, name: string): object {
  return object('projectcalico.org/v3', 'GlobalNetworkPolicy', name, undefined, calicoSpec(dice, true))
}

const adminWho = (dice: Dice) =>
  dice.once(2)
    ? { namespaces: namespaceSelector(dice) }
    : { pods: { namespaceSelector: namespaceSelector(dice), podSelector: podSelector(dice) } }

function admin(dice: Dice, name: string): object {
  const isBaseline = dice.once(3)
  const rule = () => ({
    action: dice.oneOf(isBaseline ? ['Allow', 'Deny'] : ['Allow', 'Allow', 'Deny', 'Pass']),
    from: [adminWho(dice)],
    ...(dice.once(3) ? {} : { ports: [{ portNumber: { protocol: 'TCP', port: dice.oneOf(ports) } }] }),
  })
  return object(
    'policy.networking.k8s.io/v1alpha1',
    isBaseline ? 'BaselineAdminNetworkPolicy' : 'AdminNetworkPolicy',
    name,
    undefined,
    {
      ...(isBaseline ? {} : { priority: dice.pick(20) }),
      subject: adminWho(dice),
      ingress: dice.some(1, 3, rule),
    },
  )
}

function cluster(dice: Dice, name: string): object {
  const rule = () => ({
    action: dice.oneOf(['Accept', 'Accept', 'Deny', 'Pass']),
    to: [adminWho(dice)],
    ...(dice.once(3) ? {} : { protocols: [{ tcp: { destinationPort: { number: dice.oneOf(ports) } } }] }),
  })
  return object('policy.networking.k8s.io/v1alpha2', 'ClusterNetworkPolicy', name, undefined, {
    tier: dice.oneOf(['Admin', 'Baseline']),
    priority: dice.pick(20),
    subject: adminWho(dice),
    egress: dice.some(1, 3, rule),
  })
}

/** Two to five objects of some dialects that may be in one cluster. */
export function mixedPolicies(dice: Dice): object[] {
  const dialects = dice.oneOf([
    [ordinary, cilium, ciliumWide],
    [ordinary, calico, calicoWide],
    [ordinary, admin, cluster],
    [ordinary, cilium, ciliumWide, admin, cluster],
    [ordinary, calico, calicoWide, admin],
  ] as const)
  const [first, ...others] = dialects
  return dice.some(2, 5, () => 0).map((_, i) => dice.oneOf<typeof ordinary>([first, ...others])(dice, `p${i}`))
}
