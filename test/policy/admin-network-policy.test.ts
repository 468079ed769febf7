import t from 'tap'
import { formatBox } from '../../src/policy/box.ts'
import { adminTier, baselineTier, namespaceKey, podKey } from '../../src/policy/policy.ts'
import { rulingText, translated } from './translated.ts'

const subject = { namespaces: {} }
const everywhere = 'a label kubernetes.io/metadata.name'

function admin(spec: object, kind = 'AdminNetworkPolicy'): object {
  return { apiVersion: 'policy.networking.k8s.io/v1alpha1', kind, metadata: { name: 'p' }, spec: { subject, ...spec } }
}

function cluster(spec: object): object {
  const wire = { subject, tier: 'Admin', priority: 7, ...spec }
  return {
    apiVersion: 'policy.networking.k8s.io/v1alpha2',
    kind: 'ClusterNetworkPolicy',
    metadata: { name: 'p' },
    spec: wire,
  }
}

function egressOf(object: object): string {
  return translated(object)
    .map((policy) => rulingText(policy, 'egress'))
    .join()
}

t.test('it reads peers, and who it is about', async (t) => {
  const red = { matchLabels: { team: 'red' } }
  const pods = { namespaceSelector: red, podSelector: { matchLabels: { app: 'x' } } }
  const table: readonly (readonly [object | null, string])[] = [
    [{ namespaces: red }, `pods with team=red and ${everywhere}`],
    [{ namespaces: {} }, `pods with ${everywhere}`],
    [{ pods }, `pods with app=x in team=red and ${everywhere}`],
    [{ nodes: {} }, 'node'],
    [{ networks: ['10.0.0.0/8', 'fd00::/8'] }, '10.0.0.0/8 or pods there, fd00::/8 or pods there'],
    [{ networks: ['${CIDR}'] }, '?'],
    [{ domainNames: ['example.com'] }, 'fqdn'],
    [{ namespaces: { matchLabels: { team: '${TEAM}' } } }, '?'],
    [{ tomorrow: {} }, '?'],
    [{}, '?'],
    [null, '?'],
  ]
  for (const [peer, expected] of table) {
    t.equal(
      egressOf(admin({ egress: [{ action: 'Allow', to: [peer] }] })),
      `allow all: ${expected}`,
      JSON.stringify(peer),
    )
    t.equal(
      egressOf(cluster({ egress: [{ action: 'Accept', to: [peer] }] })),
      `allow all: ${expected}`,
      JSON.stringify(peer),
    )
  }
  for (const make of [admin, cluster]) {
    const [policy] = translated(make({ subject: { pods } }))
    t.equal(policy?.namespace, '')
    t.equal(formatBox(policy?.subject ?? new Map(), podKey), 'app=x')
    t.equal(formatBox(policy?.subject ?? new Map(), namespaceKey), `team=red and ${everywhere}`)
    t.equal(translated(make({ subject: {} }))[0]?.unknownSubject, true)
    t.match(translated(make({ egress: [{ action: 'Allow', to: [{}] }] }))[0]?.notes, [{ as: 'approximated' }])
  }
})

t.test('it reads the ports of v1alpha1', async (t) => {
  const table: readonly (readonly [readonly (object | null)[] | undefined, string])[] = [
    [undefined, 'all'],
    [[], 'all'],
    [[{ portNumber: { protocol: 'TCP', port: 8080 } }], '8080'],
    [[{ portNumber: { protocol: 'UDP', port: 53 } }], 'nothing'],
    [[{ portRange: { start: 80, end: 90 } }], '80-90'],
    [[{ portRange: { protocol: 'SCTP', start: 80, end: 90 } }], 'nothing'],
    [[{ namedPort: 'http' }, { portNumber: { protocol: 'TCP', port: 80 } }], '80 http'],
    [[{ portNumber: { protocol: 'TCP', port: '${PORT}' } }], '?'],
    [[{}], '?'],
    [[null], '?'],
  ]
  for (const [ports, expected] of table)
    t.equal(
      egressOf(admin({ egress: [{ action: 'Deny', to: [{ nodes: {} }], ports }] })),
      `deny ${expected}: node`,
      JSON.stringify(ports),
    )
})

t.test('it reads the ports of v1alpha2', async (t) => {
  const table: readonly (readonly [readonly (object | null)[] | undefined, string])[] = [
    [undefined, 'all'],
    [[{ tcp: { destinationPort: { number: 8080 } } }], '8080'],
    [[{ tcp: { destinationPort: { range: { start: 80, end: 90 } } } }, { udp: {} }], '80-90'],
    [[{ tcp: {} }], 'all'],
    [[{ udp: {} }], 'nothing'],
    [[{ sctp: { destinationPort: { number: 80 } } }], 'nothing'],
    [[{ destinationNamedPort: 'http' }], 'http'],
    [[{ destinationNamedPort: '${PORT}' }], '?'],
    [[{}], '?'],
    [[null], '?'],
  ]
  for (const [protocols, expected] of table)
    t.equal(
      egressOf(cluster({ egress: [{ action: 'Pass', to: [{ nodes: {} }], protocols }] })),
      `pass ${expected}: node`,
      JSON.stringify(protocols),
    )
})

t.test('it stands in its tier by its priority, and isolates nobody', async (t) => {
  const rules = { ingress: [{ action: 'Deny', from: [{ namespaces: {} }] }] }
  const standing = (object: object) => {
    const [policy] = translated(object)
    const { isolates, restrictions } = policy?.directions.ingress ?? {}
    return [policy?.tier, restrictions?.[0]?.order, isolates]
  }
  t.same(standing(admin({ priority: 20, ...rules })), [adminTier, 20, false])
  t.same(standing(admin(rules, 'BaselineAdminNetworkPolicy')), [baselineTier, 0, false])
  t.same(standing(cluster(rules)), [adminTier, 7, false])
  t.same(standing(cluster({ tier: 'Baseline', ...rules })), [baselineTier, 7, false])
  t.equal(translated(cluster({ tier: '${TIER}' }))[0]?.unknownSubject, true)
  const [policy] = translated(admin({ ingress: [{ action: 'Accept', from: [{ namespaces: {} }] }] }))
  t.match(policy?.notes, [{ path: ['spec', 'ingress', 0, 'action'] }], 'an action of the other version')
})
