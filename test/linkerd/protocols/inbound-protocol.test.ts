import t from 'tap'
import { podTemplateOf } from '../../../src/k8s/pod-template.ts'
import { endpointOf, inboundOf } from '../../../src/linkerd/protocols/inbound-protocol.ts'
import { podSideOf } from '../../../src/linkerd/protocols/opaque-ports.ts'
import type { LinkerdSettings } from '../../../src/linkerd/settings.ts'
import { namespace, pod, route, server, worldOf } from '../wire-world.ts'

const key = 'config.linkerd.io/opaque-ports'
const skip = 'config.linkerd.io/skip-inbound-ports'
const ports = [{ containerPort: 80, name: 'web' }]
const parent = { group: 'policy.linkerd.io', kind: 'Server', name: 's' }

function inbound(annotations: Record<string, string>, objects: readonly object[]) {
  const { view, find } = worldOf([namespace(), pod(ports, annotations), ...objects])
  const found = inboundOf(podSideOf(podTemplateOf(find('Pod', 'pod')), 'shop', 80, view), view)
  return [found.kind, found.because, found.admits, found.routes.map(({ name }) => name).join()]
}

t.test('it knows how the server’s proxy treats a port, and why', async (t) => {
  t.same(inbound({}, []), ['detect', 'nothing', 'anyone', ''])
  t.same(inbound({ [key]: '80' }, []), ['opaque', 'list', 'anyone', ''])
  for (const [proxyProtocol, kind] of [
    ['unknown', 'detect'],
    ['opaque', 'opaque'],
    ['TLS', 'tls'],
    ['HTTP/1', 'http1'],
    ['HTTP/2', 'http2'],
    ['gRPC', 'grpc'],
    [null, 'detect'],
  ] as const)
    t.same(
      inbound({ [key]: '80' }, [server('s', { port: 'web', proxyProtocol })]),
      [kind, 'server', 'nobody', ''],
      kind,
    )
})

t.test('it knows whom a Server lets in by itself', async (t) => {
  for (const [accessPolicy, admits] of [
    [null, 'nobody'],
    ['deny', 'nobody'],
    ['audit', 'anyone'],
    ['all-authenticated', 'mesh'],
    ['cluster-unauthenticated', 'anyone'],
  ] as const)
    t.equal(inbound({}, [server('s', { port: 80, accessPolicy })])[2], admits, String(accessPolicy))
})

t.test('it gives a Server the routes of its own protocol', async (t) => {
  const routes = [route('HTTPRoute', 'h', parent), route('GRPCRoute', 'g', parent)]
  for (const [proxyProtocol, names] of [
    ['unknown', 'h'],
    ['HTTP/1', 'h'],
    ['HTTP/2', 'h'],
    ['gRPC', 'g'],
    ['TLS', ''],
    ['opaque', ''],
  ] as const)
    t.equal(inbound({}, [server('s', { port: 80, proxyProtocol }), ...routes])[3], names, proxyProtocol)
})

const labelled = (annotations: Record<string, string>) => ({
  ...pod(ports),
  metadata: { name: 'pod', namespace: 'shop', labels: { 'linkerd.io/control-plane-ns': 'linkerd' }, annotations },
})
const transparent = { transportMode: 'transparent' } as const
const proxied = { hint: 'h2', transport: 4143, identity: true }
const opaque = { ...proxied, hint: 'opaque' }
const plain = { hint: undefined, transport: undefined, identity: false }

const endpoints: readonly (readonly [
  what: string,
  pod: object,
  settings: Partial<LinkerdSettings>,
  unknown,
  port?: number,
])[] = [
  ['meshed', pod(ports), {}, proxied],
  ['opaque', pod(ports, { [key]: '80' }), {}, opaque],
  ['opaque for the policy controller only', pod(ports, { [key]: '80 - 81' }), {}, proxied],
  ['transparent', pod(ports), transparent, { ...proxied, transport: undefined }],
  ['2.17', pod(ports), { minor: 17 }, { ...proxied, transport: undefined }],
  ['transparent, opaque', pod(ports, { [key]: '80' }), transparent, opaque],
  ['a port of the proxy', pod(ports), {}, { ...proxied, transport: undefined }, 4191],
  ['skipped', pod(ports, { [skip]: '80' }), {}, plain],
  ['skipped by name, which only clients read', pod(ports, { [skip]: 'web' }), {}, plain],
  ['skipped by default, which clients do not know', pod(ports), {}, proxied, 4567],
  ['not meshed', pod(ports, { 'linkerd.io/inject': 'disabled' }), {}, plain],
  ['labelled, without a proxy', labelled({ 'linkerd.io/inject': 'disabled' }), {}, undefined],
  ['labelled, without a proxy, skipped', labelled({ 'linkerd.io/inject': 'disabled', [skip]: '80' }), {}, plain],
  ['labelled, to be injected', labelled({}), {}, proxied],
]

t.test('it knows what clients are told of a Pod’s port', async (t) => {
  for (const [what, one, settings, expected, port = 80] of endpoints) {
    const { view, find } = worldOf([namespace(), one], settings)
    t.same(endpointOf(podTemplateOf(find('Pod', 'pod')), 'shop', port, view), expected, what)
  }
})
