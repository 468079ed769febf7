import { type Dice, namespaceNames, numbers, podKeys, portNames, values } from './worlds.ts'

/*
 * CiliumNetworkPolicies and CiliumClusterwideNetworkPolicies for the clusters of worlds.ts. Most are ones that the agent takes; a few
 * are not, so that it shows which.
 */

/** Entities that a connection can come from or go to. */
export const ciliumEntities = [
  'host',
  'remote-node',
  'kube-apiserver',
  'ingress',
  'health',
  'init',
  'unmanaged',
  'world',
] as const

/** A policy of either kind. */
export function ciliumPolicyFrom(dice: Dice, index: number): object {
  const clusterwide = dice.once(3)
  const specs = dice.once(5) ? { specs: dice.some(1, 2, () => specFrom(dice, clusterwide)) } : {}
  return {
    apiVersion: 'cilium.io/v2',
    kind: clusterwide ? 'CiliumClusterwideNetworkPolicy' : 'CiliumNetworkPolicy',
    metadata: { name: `p${index}`, ...(clusterwide ? {} : { namespace: dice.oneOf(namespaceNames) }) },
    ...('specs' in specs && dice.once(2) ? {} : { spec: specFrom(dice, clusterwide) }),
    ...specs,
  }
}

function specFrom(dice: Dice, clusterwide: boolean): object {
  const sections = [
    ...(dice.once(3) ? [] : [{ ingress: dice.some(0, 3, () => ruleFrom(dice, 'from', false)) }]),
    ...(dice.once(2) ? [] : [{ egress: dice.some(0, 3, () => ruleFrom(dice, 'to', false)) }]),
    ...(dice.once(3) ? [{ ingressDeny: dice.some(0, 2, () => ruleFrom(dice, 'from', true)) }] : []),
    ...(dice.once(3) ? [{ egressDeny: dice.some(0, 2, () => ruleFrom(dice, 'to', true)) }] : []),
  ]
  const subject = dice.once(3) ? {} : ciliumSelectorFrom(dice)
  return Object.assign(
    dice.once(40) && clusterwide ? { nodeSelector: {} } : { endpointSelector: subject },
    ...(sections.length > 0 ? sections : [{ ingress: [{}] }]),
    dice.once(5)
      ? {
          enableDefaultDeny: Object.fromEntries(
            ['ingress', 'egress'].filter(() => dice.once(2)).map((direction) => [direction, dice.once(3)]),
          ),
        }
      : {},
  )
}

const ownNamespace = 'io.kubernetes.pod.namespace'
const ofNamespace = 'io.cilium.k8s.namespace.labels.'

function keyFrom(dice: Dice): string {
  const prefix = dice.oneOf(['', '', '', 'k8s:', 'any:'])
  if (dice.once(4)) return prefix + ownNamespace
  if (dice.once(4)) return prefix + ofNamespace + dice.oneOf(['team', 'valueOf', 'kubernetes.io/metadata.name'])
  if (dice.once(15))
    return dice.oneOf([
      'container:app',
      'reserved:host',
      'reserved:remote-node',
      'io.cilium.k8s.policy.cluster',
      'pod-template-hash',
    ])
  return prefix + dice.oneOf(podKeys)
}

function valueFrom(dice: Dice, key: string): string {
  if (key.endsWith(ownNamespace) || key.endsWith('metadata.name')) return dice.oneOf(namespaceNames)
  return key.startsWith('reserved:') ? '' : dice.oneOf(values)
}

function ciliumSelectorFrom(dice: Dice): object {
  if (dice.once(4)) return dice.once(4) ? { matchLabels: null } : {}
  const labels = dice.some(0, 1, () => keyFrom(dice))
  const matchExpressions = dice.some(0, 2, () => {
    const operator = dice.oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist'])
    const key = keyFrom(dice)
    if (operator === 'Exists' || operator === 'DoesNotExist') return { key, operator }
    return { key, operator, values: dice.some(dice.once(60) ? 0 : 1, 2, () => valueFrom(dice, key)) }
  })
  return { matchLabels: Object.fromEntries(labels.map((key) => [key, valueFrom(dice, key)])), matchExpressions }
}

function ruleFrom(dice: Dice, side: 'from' | 'to', denies: boolean): object {
  return {
    ...(dice.once(5) ? {} : peersFrom(dice, side)),
    ...(dice.once(30) ? peersFrom(dice, side) : {}),
    ...(dice.once(4) ? {} : { toPorts: dice.some(0, 2, () => portRuleFrom(dice, side, denies)) }),
    ...(dice.once(40) ? { icmps: [{ fields: [{ type: 8, family: 'IPv4' }] }] } : {}),
    ...(dice.once(60) ? { [`${side}Requires`]: dice.some(0, 1, () => ({ matchLabels: { app: 'x' } })) } : {}),
  }
}

function peersFrom(dice: Dice, side: 'from' | 'to'): object {
  if (dice.once(5))
    return {
      [`${side}Entities`]: dice.some(0, 2, () =>
        dice.oneOf(['all', 'cluster', 'cluster-mesh', 'none', 'world', ...ciliumEntities]),
      ),
    }
  if (dice.once(8))
    return { [`${side}CIDR`]: dice.some(0, 2, () => dice.oneOf(['0.0.0.0/0', '203.0.113.0/24', '198.51.100.9/32'])) }
  if (dice.once(8))
    return {
      [`${side}CIDRSet`]: dice.some(0, 2, () =>
        dice.oneOf<object>([
          { cidr: '0.0.0.0/0', except: ['203.0.113.0/28', '198.51.100.0/24'] },
          { cidr: '203.0.113.0/24', except: ['203.0.113.8/29'] },
          { cidr: '192.0.2.0/24' },
        ]),
      ),
    }
  if (dice.once(12))
    return side === 'to'
      ? dice.oneOf<object>([{ toFQDNs: [] }, { toServices: [] }, { toGroups: [] }])
      : { fromGroups: [] }
  return { [`${side}Endpoints`]: dice.some(0, 2, () => ciliumSelectorFrom(dice)) }
}

function portRuleFrom(dice: Dice, side: 'from' | 'to', denies: boolean): object {
  if (dice.once(15)) return dice.once(2) ? {} : { ports: [] }
  const http = { rules: { http: dice.some(0, 1, () => ({ method: 'GET' })) } }
  if (!denies && dice.once(6)) return { ports: dice.some(1, 2, () => portFrom(dice, dice.once(20))), ...http }
  const dns = !denies && side === 'to' && dice.once(12) ? { rules: { dns: [{ matchPattern: '*' }] } } : {}
  const tls = !denies && dice.once(20) ? { serverNames: ['example.com'] } : {}
  return { ports: dice.some(1, 2, () => portFrom(dice, true)), ...dns, ...tls }
}

function portFrom(dice: Dice, anyProtocol: boolean): object {
  const protocol = anyProtocol
    ? dice.oneOf<object>([{}, {}, { protocol: 'ANY' }, { protocol: 'TCP' }, { protocol: 'TCP' }, { protocol: 'UDP' }])
    : { protocol: 'TCP' }
  if (dice.once(12)) return { ...protocol, port: '0', ...(dice.once(3) ? { endPort: 9000 } : {}) }
  if (dice.once(4))
    return {
      ...protocol,
      port: dice.oneOf(['HTTP', ...portNames]),
      ...(dice.once(20) ? { endPort: dice.oneOf([4143, 9000, 9090]) } : {}),
    }
  if (dice.once(60))
    return { ...protocol, port: dice.oneOf(['010', '080', '0x50', '99999', '8080 ', '04143', '010057']) }
  const port = dice.oneOf(numbers)
  return {
    ...protocol,
    port: String(port),
    ...(dice.once(4) ? { endPort: port + dice.oneOf([0, 1, 4000, -100]) } : {}),
  }
}
