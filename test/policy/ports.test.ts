import t from 'tap'
import { formatPorts, noPorts } from '../../src/policy/port-set.ts'
import { translated } from './translated.ts'

const networking = (ports: object[] | null) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'p', namespace: 'a' },
  spec: { podSelector: {}, policyTypes: ['Egress'], egress: [{ ports }] },
})
const cilium = (port: object) => ({
  apiVersion: 'cilium.io/v2',
  kind: 'CiliumNetworkPolicy',
  metadata: { name: 'p', namespace: 'a' },
  spec: { endpointSelector: {}, egress: [{ toEntities: ['all'], toPorts: [{ ports: [port] }] }] },
})
const calico = (rule: object) => ({
  apiVersion: 'projectcalico.org/v3',
  kind: 'NetworkPolicy',
  metadata: { name: 'p', namespace: 'a' },
  spec: { types: ['Egress'], egress: [{ action: 'Allow', ...rule }] },
})
const admin = (port: object) => ({
  apiVersion: 'policy.networking.k8s.io/v1alpha1',
  kind: 'AdminNetworkPolicy',
  metadata: { name: 'p' },
  spec: {
    priority: 1,
    subject: { namespaces: {} },
    egress: [{ action: 'Allow', to: [{ namespaces: {} }], ports: [port] }],
  },
})
const cluster = (protocol: object) => ({
  apiVersion: 'policy.networking.k8s.io/v1alpha2',
  kind: 'ClusterNetworkPolicy',
  metadata: { name: 'p' },
  spec: {
    tier: 'Admin',
    priority: 1,
    subject: { namespaces: {} },
    egress: [{ action: 'Accept', to: [{ namespaces: {} }], protocols: [protocol] }],
  },
})
const ports = (...numbers: number[]) => ({ destination: { ports: numbers } })

t.test('it holds UDP ports beside those of TCP, in every dialect', async (t) => {
  const table: readonly (readonly [object, tcp: string, udp: string])[] = [
    [networking(null), '1-65535', '1-65535'],
    [networking([{ port: 53 }]), '53', ''],
    [networking([{ port: 53, protocol: 'UDP' }]), '', '53'],
    [networking([{ port: 53, protocol: 'UDP' }, { port: 53 }]), '53', '53'],
    [networking([{ protocol: 'UDP' }]), '', '1-65535'],
    [networking([{ protocol: 'TCP' }]), '1-65535', ''],
    [networking([{ port: 50, endPort: 60, protocol: 'UDP' }]), '', '50-60'],
    // Whichever port the name stands for.
    [networking([{ port: 'dns', protocol: 'UDP' }]), '', '1-65535'],
    [networking([{ port: 53, protocol: 'SCTP' }]), '', ''],
    [cilium({ port: '53' }), '53', '53'],
    [cilium({ port: '53', protocol: 'ANY' }), '53', '53'],
    [cilium({ port: '53', protocol: 'TCP' }), '53', ''],
    [cilium({ port: '53', protocol: 'UDP' }), '', '53'],
    [cilium({ port: '0' }), '1-65535', '1-65535'],
    [calico({}), '1-65535', '1-65535'],
    [calico({ protocol: 'UDP', ...ports(53) }), '', '53'],
    [calico({ protocol: 17 }), '', '1-65535'],
    [calico({ protocol: 'TCP', ...ports(53) }), '53', ''],
    [calico({ notProtocol: 'UDP' }), '1-65535', ''],
    [calico({ protocol: 'UDP', destination: { notPorts: [53] } }), '', '1-52, 54-65535'],
    [admin({ portNumber: { protocol: 'UDP', port: 53 } }), '', '53'],
    [admin({ portRange: { protocol: 'UDP', start: 50, end: 60 } }), '', '50-60'],
    [admin({ portNumber: { protocol: 'TCP', port: 53 } }), '53', ''],
    [cluster({ udp: { destinationPort: { number: 53 } } }), '', '53'],
    [cluster({ udp: {} }), '', '1-65535'],
    [cluster({ tcp: { destinationPort: { range: { start: 50, end: 60 } } } }), '50-60', ''],
  ]
  for (const [object, tcp, udp] of table) {
    const [found] = translated(object).flatMap((policy) => policy.directions.egress.rules)
    t.ok(found)
    const texts = [formatPorts(found?.ports.numbers ?? noPorts), formatPorts(found?.ports.udp ?? noPorts)]
    t.same(texts, [tcp, udp], JSON.stringify(object))
  }
})
