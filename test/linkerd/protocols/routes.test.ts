import t from 'tap'
import { routesOn, routesOnServer } from '../../../src/linkerd/protocols/routes.ts'
import { namespace, route, server, service, worldOf } from '../wire-world.ts'

const ports = [{ port: 80 }, { port: 90 }]

/** Names of the routes on a port of `svc`, by protocol, where there are any. */
function namesOn(port: number, objects: readonly object[], spec: object = {}): object {
  const { view, find } = worldOf([namespace(), service({ ports, ...spec }), ...objects])
  return Object.fromEntries(
    Object.entries(routesOn(find('Service', 'svc'), port, view))
      .filter(([, routes]) => routes.length > 0)
      .map(([protocol, routes]) => [protocol, routes.map(({ name }) => name)]),
  )
}

const aged = (name: string, creationTimestamp: string, kind = 'HTTPRoute') => {
  const one = route(kind, name)
  return { ...one, metadata: { ...one.metadata, creationTimestamp } }
}

const cases: readonly (readonly [what: string, objects: readonly object[], on80: object])[] = [
  ['none', [], {}],
  ['every kind alone', [route('TLSRoute', 'a')], { tls: ['a'] }],
  ['both HTTPRoutes', [route('PolicyHTTPRoute', 'a'), route('HTTPRoute', 'b')], { http: ['a', 'b'] }],
  ['of this port', [route('GRPCRoute', 'a', { port: 80 })], { grpc: ['a'] }],
  ['of another port', [route('GRPCRoute', 'a', { port: 90 })], {}],
  ['the empty group', [route('TCPRoute', 'a', { group: '' })], { tcp: ['a'] }],
  ['the Gateway API’s default group', [route('TCPRoute', 'a', { group: null })], {}],
  ['the Gateway API’s default kind', [route('TCPRoute', 'a', { kind: null })], {}],
  ['of another Service', [route('TCPRoute', 'a', { name: 'other' })], {}],
  ['of another namespace’s Service', [route('TCPRoute', 'a', { namespace: 'other' })], {}],
  ['of this namespace, said', [route('TCPRoute', 'a', { namespace: 'shop' })], { tcp: ['a'] }],
  ['GRPC and HTTP on the Service', [route('HTTPRoute', 'a'), route('GRPCRoute', 'b')], { grpc: ['b'] }],
  [
    'GRPC on the Service, HTTP on the port',
    [route('HTTPRoute', 'a', { port: 80 }), route('GRPCRoute', 'b')],
    { grpc: ['b'], http: ['a'] },
  ],
  ['TLS and TCP', [route('TCPRoute', 'a', { port: 80 }), route('TLSRoute', 'b', { port: 80 })], { tls: ['b'] }],
  ['two TCPRoutes', [route('TCPRoute', 'b', { port: 80 }), route('TCPRoute', 'a')], { tcp: ['a'] }],
  ['the oldest first', [aged('a', '2026-02-02T00:00:00Z'), aged('b', '2026-01-01T00:00:00Z')], { http: ['b', 'a'] }],
  ['a filter nobody converts', [route('HTTPRoute', 'a', {}, { rules: [{ filters: [{ type: 'URLRewrite' }] }] })], {}],
  [
    'a filter that is known',
    [route('HTTPRoute', 'a', {}, { rules: [{ filters: [{ type: 'RequestHeaderModifier' }] }] })],
    { http: ['a'] },
  ],
  ['a port that is not known yet', [route('HTTPRoute', 'a', { port: '${PORT}' })], {}],
]

t.test('it knows the routes in effect on a Service’s port', async (t) => {
  for (const [what, objects, on80] of cases) t.same(namesOn(80, objects), on80, what)
})

t.test('it takes no routes on a Service without a ClusterIP', async (t) => {
  t.same(namesOn(80, [route('GRPCRoute', 'a')], { clusterIP: 'None' }), {})
  t.same(namesOn(80, [route('GRPCRoute', 'a')], { type: 'ExternalName', externalName: 'db.example' }), {})
})

t.test('it knows the routes of a Server, whose port is no part of it', async (t) => {
  const parent = { group: 'policy.linkerd.io', kind: 'Server', name: 's' }
  const objects = [server('s', { port: 80 }), route('HTTPRoute', 'a', parent), route('GRPCRoute', 'b', parent)]
  const { view, find } = worldOf([namespace(), ...objects, route('HTTPRoute', 'c', { ...parent, group: 'core' })])
  const { grpc, http, tls, tcp } = routesOnServer(find('Server', 's'), view)
  t.same(
    [grpc, http, tls, tcp].map((routes) => routes.map(({ name }) => name)),
    [['b'], ['a'], [], []],
  )
})
