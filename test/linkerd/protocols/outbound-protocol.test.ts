import t from 'tap'
import { outboundByName, outboundOf } from '../../../src/linkerd/protocols/outbound-protocol.ts'
import type { LinkerdSettings } from '../../../src/linkerd/settings.ts'
import { namespace, route, service, worldOf } from '../wire-world.ts'

const key = 'config.linkerd.io/opaque-ports'

function outbound(
  port: object,
  objects: readonly object[] = [],
  list = '9000',
  settings: Partial<LinkerdSettings> = {},
) {
  const { view, find } = worldOf(
    [namespace(), service({ ports: [{ port: 80, ...port }] }, { [key]: list }), ...objects],
    settings,
  )
  const { kind, because, routes, profile } = outboundOf(find('Service', 'svc'), 80, view)
  return [kind, because, routes.map((one) => one.name).join(), profile] as const
}

const grpc = route('GRPCRoute', 'g')
const http = route('HTTPRoute', 'h', { port: 80 })
const tls = route('TLSRoute', 'l', { port: 80 })
const tcp = route('TCPRoute', 't', { port: 80 })
// Each on a port of its own spelling, so that all are accepted.
const all = [grpc, http, route('TLSRoute', 'l'), tcp]

// The table of the module, then who beats whom.
const cases: readonly (readonly [
  port: object,
  objects: readonly object[],
  list: string,
  ReturnType<typeof outbound>,
])[] = [
  [{ appProtocol: 'http' }, [], '', ['http1', 'app-protocol', '', false]],
  [{ appProtocol: 'HTTP' }, [http], '', ['http1', 'app-protocol', 'h', false]],
  [{ appProtocol: 'http' }, [grpc], '', ['http1', 'app-protocol', '', false]],
  [{ appProtocol: 'kubernetes.io/h2c' }, [], '', ['http2', 'app-protocol', '', false]],
  [{ appProtocol: 'kubernetes.io/h2c' }, [http], '', ['http2', 'app-protocol', 'h', false]],
  [{ appProtocol: 'kubernetes.io/h2c' }, [grpc, http], '', ['grpc', 'app-protocol', 'g', false]],
  [{ appProtocol: 'grpc' }, [grpc], '', ['opaque', 'app-protocol', '', false]],
  [{ appProtocol: 'grpc' }, [tcp], '', ['opaque', 'app-protocol', 't', false]],
  [{}, [], '80', ['opaque', 'list', '', true]],
  [{}, [grpc], '80', ['opaque', 'list', '', true]],
  [{}, [tcp], '80', ['opaque', 'list', 't', true]],
  [{}, [], '', ['detect', 'nothing', '', false]],
  [{}, [http], '', ['detect', 'route', 'h', false]],
  [{}, [tls], '', ['tls', 'route', 'l', false]],
  [{}, [tcp], '', ['opaque', 'route', 't', false]],
  [{}, all, '', ['grpc', 'route', 'g', false]],
  // The two controllers disagree: destination does not know appProtocol, the policy controller no names.
  [{ appProtocol: 'http' }, [], '80', ['http1', 'app-protocol', '', true]],
  [{ name: 'web' }, [], 'web', ['detect', 'nothing', '', true]],
  [{ name: 'web' }, [grpc], 'web', ['grpc', 'route', 'g', true]],
]

t.test('it knows how clients treat a Service’s port, and why', async (t) => {
  for (const [port, objects, list, expected] of cases)
    t.same(outbound(port, objects, list), expected, `${JSON.stringify(port)}, ${objects.length} routes, "${list}"`)
})

t.test('it knows no appProtocol before 2.18', async (t) => {
  t.same(outbound({ appProtocol: 'http' }, [], '80', { minor: 17 }), ['opaque', 'list', '', true])
  t.same(outbound({ appProtocol: 'grpc' }, [], '', { minor: 17 }), ['detect', 'nothing', '', false])
})

t.test('it says of a port that the Service does not declare that it is forbidden, by address only', async (t) => {
  const { view, find } = worldOf([namespace(), service({ ports: [{ port: 80 }] }, { [key]: '81' })])
  const svc = find('Service', 'svc')
  t.match(outboundOf(svc, 81, view), { kind: 'forbidden', because: 'undeclared', profile: false })
  t.match(outboundByName(svc, 81, view), { kind: 'opaque', because: 'list' })
})
