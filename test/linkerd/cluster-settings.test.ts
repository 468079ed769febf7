import t from 'tap'
import { linkerdOfCluster } from '../../src/linkerd/cluster-settings.ts'

const unknown = { values: undefined, destination: undefined, trustRoots: undefined }
const deployment = (...args: string[]) => ({
  spec: { template: { spec: { containers: [{ name: 'linkerd-proxy' }, { name: 'destination', args }] } } },
})

t.test('it says nothing of what it does not know', async (t) => {
  const nothing = { settings: {}, trustRoots: undefined }
  t.strictSame(linkerdOfCluster(unknown), nothing)
  t.strictSame(linkerdOfCluster({ values: null, destination: null, trustRoots: null }), nothing)
})

t.test('it reads the Helm values of the chart', async (t) => {
  const values = {
    linkerdVersion: 'edge-26.8.3',
    clusterNetworks: '10.0.0.0/8, fd00::/8',
    identity: { serviceAccountTokenProjection: false },
    proxy: {
      opaquePorts: '25,3306',
      outboundTransportMode: 'transport-header',
      ports: { inbound: 5143, admin: 5191, control: '5190', outbound: 4140 },
    },
  }
  t.strictSame(linkerdOfCluster({ ...unknown, values }).settings, {
    transportMode: 'transport-header',
    inboundPort: 5143,
    adminPort: 5191,
    controlPort: 5190,
    opaquePorts: '25,3306',
    minor: 20,
    serviceAccountTokenProjection: false,
    clusterNetworks: ['10.0.0.0/8', 'fd00::/8'],
  })
  const odd = { proxy: { opaquePorts: 3306, ports: { inbound: 0, admin: 'x', control: 70_000 } }, identity: 'x' }
  t.strictSame(linkerdOfCluster({ ...unknown, values: odd }).settings, {
    transportMode: 'transparent',
    opaquePorts: '3306',
  })
})

t.test('it takes the transport mode from the controller that decides, then from the values', async (t) => {
  const mode = (destination: unknown, values?: unknown) =>
    linkerdOfCluster({ ...unknown, destination, values }).settings.transportMode
  const header = { proxy: { outboundTransportMode: 'transport-header' } }
  // | Deployment | values | mode |
  t.equal(mode(deployment('destination', '-outbound-transport-mode=transport-header')), 'transport-header')
  t.equal(mode(deployment('-outbound-transport-mode', 'transport-header')), 'transport-header')
  t.equal(mode(deployment('--outbound-transport-mode=transport-header')), 'transport-header')
  t.equal(mode(deployment('-outbound-transport-mode=transparent'), header), 'transparent')
  t.equal(mode(deployment('-outbound-transport-mode=other')), 'transparent')
  t.equal(mode(deployment(), header), 'transparent', 'the flag’s own default')
  t.equal(mode(null, header), 'transport-header')
  t.equal(mode({ spec: {} }, header), 'transport-header')
  t.equal(mode(null, { proxy: {} }), 'transparent', 'releases before the value')
  t.equal(mode(null), undefined)
})

t.test('it knows the minor release of every kind of version', async (t) => {
  const table: [string, number | undefined][] = [
    ['stable-2.14.10', 14],
    ['enterprise-2.18.1', 18],
    ['edge-26.8.3', 20],
    ['edge-26.6.3', 20],
    ['edge-26.6.2', 19],
    ['edge-25.10.7', 19],
    ['edge-25.10.6', 18],
    ['edge-25.4.4', 18],
    ['edge-25.4.3', 17],
    ['edge-24.11.8', 17],
    ['edge-24.8.2', 16],
    ['edge-24.2.4', 15],
    ['edge-24.2.3', 14],
    ['edge-31.1.1', 20],
    ['dev-undefined', undefined],
    ['git-0123abcd', undefined],
    ['', undefined],
  ]
  for (const [linkerdVersion, minor] of table)
    t.equal(linkerdOfCluster({ ...unknown, values: { linkerdVersion } }).settings.minor, minor, linkerdVersion)
})

t.test('it reads the trust anchors', async (t) => {
  const anchors = (data: unknown) => linkerdOfCluster({ ...unknown, trustRoots: { data } }).trustRoots
  t.equal(anchors({ 'ca-bundle.crt': 'PEM', other: 'x' }), 'PEM')
  t.equal(anchors({ 'ca-bundle.crt': 7 }), undefined)
  t.equal(anchors(null), undefined)
})
