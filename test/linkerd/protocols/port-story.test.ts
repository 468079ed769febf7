import t from 'tap'
import type { Traffic } from '../../../src/linkerd/protocols/connection.ts'
import { type PathName, portStoryOf } from '../../../src/linkerd/protocols/port-story.ts'
import type { LinkerdSettings } from '../../../src/linkerd/settings.ts'
import { namespace, pod, route, server, service, worldOf } from '../wire-world.ts'

const key = 'config.linkerd.io/opaque-ports'
const off = { 'linkerd.io/inject': 'disabled' }
const transparent = { transportMode: 'transparent' } as const

/** Service and Pod of one port of the same number. */
interface Case {
  readonly port?: number
  /** Of the Service's port. */
  readonly declared?: object
  readonly service?: Record<string, string>
  readonly pod?: Record<string, string>
  readonly undeclared?: true
  readonly more?: readonly object[]
  readonly settings?: Partial<LinkerdSettings>
  readonly spec?: object
}

/** `10`: works after 10 s; otherwise the outcome, seconds and what comes later, `~` before what is derived. */
function seen(one: Case, path: PathName, traffic: Traffic): string | undefined {
  const { port = 4222 } = one
  const { view, find } = worldOf(
    [
      namespace(),
      service({ ports: [{ port, name: 'main', ...one.declared }], ...one.spec }, one.service),
      pod(one.undeclared ? [] : [{ containerPort: port }], one.pod),
      ...(one.more ?? []),
    ],
    one.settings,
  )
  const story = portStoryOf(find('Service', 'svc'), port, view)
  const paths = [...story.servers.flatMap((found) => found.paths), ...story.paths]
  const found = paths.find((candidate) => candidate.path === path)
  const experience = found?.experiences.find((candidate) => candidate.traffic === traffic)?.experience
  return experience && inWords(experience)
}

function inWords({
  outcome,
  seconds,
  observed,
  later,
}: {
  outcome: string
  seconds: number
  observed: boolean
  later?: object
}): string {
  const text = outcome === 'works' ? String(seconds) : `${outcome} ${seconds}`
  return `${observed ? '' : '~'}${text}${later ? `, later ${inWords(later as Parameters<typeof inWords>[0])}` : ''}`
}

const tcp = { declared: { appProtocol: 'tcp' } }
const opaqueApp = { declared: { appProtocol: 'linkerd.io/opaque' } }
const grpcServer = [server('s', { port: 50051, proxyProtocol: 'gRPC', accessPolicy: 'all-unauthenticated' })]
const grpc = { port: 50051, more: grpcServer }

// Seen on real proxies, edge-26.8: seconds until the client of a server that greets sees the first byte, and the points after that.
const observed: readonly (readonly [what: string, Case, PathName, Traffic, expected: string])[] = [
  ['ClusterIP, nothing declared', {}, 'P1', 'server-first', '10'],
  ['ClusterIP, nothing declared, the client speaks first', {}, 'P1', 'bytes', '0'],
  ['appProtocol linkerd.io/opaque', opaqueApp, 'P1', 'server-first', '0'],
  ['appProtocol tcp', tcp, 'P1', 'server-first', '0'],
  ['Service annotation', { service: { [key]: '4222' } }, 'P1', 'server-first', '0'],
  ['Pod annotation only, by ClusterIP', { pod: { [key]: '4222' } }, 'P1', 'server-first', '10'],
  ['Pod annotation only, by Pod IP', { pod: { [key]: '4222' } }, 'P2', 'server-first', '0'],
  ['without it, by Pod IP', {}, 'P2', 'server-first', '10'],
  ['unmeshed server, nothing', { pod: off }, 'P1', 'server-first', '10'],
  ['unmeshed server, tcp', { ...tcp, pod: off }, 'P1', 'server-first', '0'],
  ['unmeshed client, nothing', {}, 'P3', 'server-first', 'closed 10'],
  ['unmeshed client, Pod annotation', { pod: { [key]: '4222' } }, 'P3', 'server-first', '0'],
  ['unmeshed client, default list only', { port: 3306, undeclared: true }, 'P3', 'server-first', 'closed 10'],
  [
    'unmeshed client, annotated Pod with a Server unknown',
    { pod: { [key]: '4222' }, more: [server('s', { port: 4222, proxyProtocol: 'unknown' })] },
    'P3',
    'server-first',
    'closed 10',
  ],
  ['transparent, nothing', { settings: transparent }, 'P1', 'server-first', '20'],
  ['transparent, appProtocol', { ...tcp, settings: transparent }, 'P1', 'server-first', '10'],
  [
    'transparent, Service annotation',
    { service: { [key]: '4222' }, settings: transparent },
    'P1',
    'server-first',
    '10',
  ],
  ['transparent, Pod annotation', { pod: { [key]: '4222' }, settings: transparent }, 'P1', 'server-first', '10'],
  // Point 1.
  [
    'http on a default port',
    { port: 9300, undeclared: true, declared: { appProtocol: 'http' } },
    'P1',
    'http',
    'panics 0, later 0',
  ],
  [
    'h2c on an annotated port',
    { port: 80, declared: { appProtocol: 'kubernetes.io/h2c' }, service: { [key]: '80' } },
    'P1',
    'http',
    'panics 0, later 0',
  ],
  [
    'the empty list cures it',
    { port: 9300, undeclared: true, declared: { appProtocol: 'http' }, service: { [key]: '' } },
    'P1',
    'http',
    // Seen with the Pod's own list in effect, too: the endpoint is opaque, and takes bytes.
    '0',
  ],
  // Point 2.
  ['grpc and Server gRPC', { ...grpc, declared: { appProtocol: 'grpc' } }, 'P1', 'http', 'denied 0'],
  ['h2c and Server gRPC', { ...grpc, declared: { appProtocol: 'kubernetes.io/h2c' } }, 'P1', 'http', '~0'],
  ['no appProtocol and Server gRPC', grpc, 'P1', 'http', '~0'],
  [
    'grpc and Server gRPC, transparent',
    { ...grpc, declared: { appProtocol: 'grpc' }, settings: transparent },
    'P1',
    'http',
    '0',
  ],
  // Point 3.
  ['HTTP to an annotated Pod', { port: 8080, pod: { [key]: '8080' } }, 'P1', 'http', '0'],
  ['HTTP where the parsers disagree', { port: 8080, pod: { [key]: '8080 - 8081' } }, 'P1', 'http', 'not-found 0'],
  // Point 4.
  ['a named port in a Service annotation', { service: { [key]: 'main' } }, 'P1', 'server-first', '0, later 10'],
]

t.test('it says what was seen on real proxies', async (t) => {
  for (const [what, one, path, traffic, expected] of observed) t.equal(seen(one, path, traffic), expected, what)
})

// What follows from the sources, and is marked so.
const derived: readonly (readonly [what: string, Case, PathName, Traffic, expected: string])[] = [
  ['before 2.18, nothing', { settings: { minor: 17 } }, 'P1', 'server-first', '~20'],
  ['before 2.18, appProtocol', { ...tcp, settings: { minor: 17 } }, 'P1', 'server-first', '~20'],
  ['transparent, by Pod IP', { settings: transparent }, 'P2', 'server-first', '~20'],
  ['transparent, annotated, by Pod IP', { pod: { [key]: '4222' }, settings: transparent }, 'P2', 'server-first', '~0'],
  [
    'listed, and Server HTTP/1',
    {
      port: 80,
      service: { [key]: '80' },
      more: [server('s', { port: 80, proxyProtocol: 'HTTP/1', accessPolicy: 'audit' })],
    },
    'P1',
    'http',
    '~denied 0',
  ],
  [
    'an annotated Pod, and Server HTTP/1',
    {
      port: 80,
      pod: { [key]: '80' },
      more: [server('s', { port: 80, proxyProtocol: 'HTTP/1', accessPolicy: 'audit' })],
    },
    'P1',
    'http',
    '~denied 0',
  ],
  ['a TCPRoute', { more: [route('TCPRoute', 'r')] }, 'P1', 'server-first', '0'],
  ['a TLSRoute', { more: [route('TLSRoute', 'r')] }, 'P1', 'server-first', '~closed 10'],
  ['a TLSRoute, TLS', { port: 443, more: [route('TLSRoute', 'r')] }, 'P1', 'http', '~closed 0'],
  ['a GRPCRoute', { more: [route('GRPCRoute', 'r')] }, 'P1', 'server-first', '~hangs 0'],
  [
    'a GRPCRoute and a list of names',
    { service: { [key]: 'main' }, more: [route('GRPCRoute', 'r')] },
    'P1',
    'http',
    '~panics 0, later ~0',
  ],
  ['http, and other bytes', { declared: { appProtocol: 'http' } }, 'P1', 'bytes', '~fails 0'],
  ['skipped by the Pod', { pod: { 'config.linkerd.io/skip-inbound-ports': '4222' } }, 'P3', 'server-first', '~0'],
  [
    'skipped by name: clients connect past the proxy, which is there',
    { declared: { targetPort: 4222 }, pod: { 'config.linkerd.io/skip-inbound-ports': '4222, 4222' } },
    'P3',
    'server-first',
    '~0',
  ],
  [
    'Server opaque, default deny',
    { more: [server('s', { port: 4222, proxyProtocol: 'opaque' })] },
    'P3',
    'server-first',
    '~needs-authorization 0',
  ],
  [
    'Server opaque, all-authenticated',
    { more: [server('s', { port: 4222, proxyProtocol: 'opaque', accessPolicy: 'all-authenticated' })] },
    'P3',
    'server-first',
    '~needs-authorization 0',
  ],
  [
    'Server opaque, all-authenticated, meshed client',
    { more: [server('s', { port: 4222, proxyProtocol: 'opaque', accessPolicy: 'all-authenticated' })] },
    'P2',
    'server-first',
    '0',
  ],
  [
    'Server TLS',
    { more: [server('s', { port: 4222, proxyProtocol: 'TLS', accessPolicy: 'audit' })] },
    'P3',
    'server-first',
    '~closed 10',
  ],
  [
    'Server HTTP/1, other bytes',
    { more: [server('s', { port: 4222, proxyProtocol: 'HTTP/1', accessPolicy: 'audit' })] },
    'P3',
    'bytes',
    '~fails 0',
  ],
  ['clients bypass their proxy by default', { port: 4567 }, 'P1', 'server-first', '~0'],
  ['outside the cluster', { spec: { type: 'ExternalName', externalName: 'db.example' } }, 'P4', 'server-first', '~10'],
]

t.test('it marks what was not seen', async (t) => {
  for (const [what, one, path, traffic, expected] of derived) t.equal(seen(one, path, traffic), expected, what)
})

t.test('it tells who knows what from where', async (t) => {
  const { view, find } = worldOf([
    namespace({ 'linkerd.io/inject': 'enabled', [key]: '9000' }),
    service({ ports: [{ port: 4222, appProtocol: 'nats' }] }),
    pod([{ containerPort: 4222 }], { [key]: 'client,4222', 'config.linkerd.io/skip-inbound-ports': '80' }),
    server('s', { port: 4222 }),
  ])
  const { client, servers } = portStoryOf(find('Service', 'svc'), 4222, view)
  const lines = [...client, ...(servers[0]?.facts ?? [])].map(
    ({ text, place }) => `${place ? `${place.resource.kind} ${place.path.join('.')}` : '-'}: ${text}`,
  )
  t.same(lines, [
    'Service spec.ports.0.appProtocol: appProtocol: nats means opaque, as every value that Linkerd does not know',
    `Namespace metadata.annotations.${key}: the list "9000" does not hold port 4222`,
    'Pod : is in the mesh',
    `Pod metadata.annotations.${key}: the list "client,4222" makes port 4222 opaque for destination; the policy controller cannot read it so`,
    'Server spec.proxyProtocol: Server shop/s decides for the proxy beside the server: proxyProtocol unknown, accessPolicy deny',
  ])
})
