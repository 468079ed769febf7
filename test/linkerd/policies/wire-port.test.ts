import t from 'tap'
import type { Resource } from '../../../src/k8s/resource.ts'
import { podFactsOf } from '../../../src/linkerd/pods/pod-facts.ts'
import { redirectedPorts } from '../../../src/linkerd/policies/wire-port.ts'
import type { LinkerdSettings } from '../../../src/linkerd/settings.ts'
import { allPorts, formatPorts, portDifference, portSet, portsOf } from '../../../src/policy/port-set.ts'
import { namespace, pod, resource, worldOf } from '../world.ts'

const config = (key: string, value: string) => ({ [`config.linkerd.io/${key}`]: value })
const ports = (...declared: object[]) => ({ containers: [{ name: 'app', ports: declared }] })
const service = (spec: object): Resource<'Service'> =>
  resource('Service', { apiVersion: 'v1', kind: 'Service', metadata: { name: 'server', namespace: 'a' }, spec })
const server = (spec: object): Resource<'Server'> =>
  resource('Server', {
    apiVersion: 'policy.linkerd.io/v1beta3',
    kind: 'Server',
    metadata: { name: 's', namespace: 'a' },
    spec,
  })

interface Case {
  readonly client?: Parameters<typeof pod>[1]
  readonly server?: Parameters<typeof pod>[1]
  readonly namespace?: object
  readonly settings?: Partial<LinkerdSettings>
  readonly others?: readonly Resource[]
}

/** Of which ports does a connection arrive at the proxy's? */
function redirected(
  { client, server, namespace: annotations = {}, settings, others = [] }: Case,
  asked = portsOf([80, 8080, 5432, 9042]),
): string {
  const [caller, callee] = [pod('client', client), pod('server', { labels: { app: 'server' }, ...server })]
  const view = worldOf([namespace('a', 'enabled', annotations), caller, callee, ...others], settings)
  return formatPorts(redirectedPorts(asked, podFactsOf(caller, view), podFactsOf(callee, view), view))
}

t.test('it knows on which ports meshed Pods really meet', async (t) => {
  const all = '80, 5432, 8080, 9042'
  const table: readonly (readonly [string, Case, string])[] = [
    ['every port, since 2.18', {}, all],
    ['not on the host’s network: the client', { client: { spec: { hostNetwork: true } } }, ''],
    ['not on the host’s network: the server', { server: { spec: { hostNetwork: true } } }, ''],
    ['the server skips', { server: { annotations: config('skip-inbound-ports', '8080, 9000-9100') } }, '80, 5432'],
    ['its namespace skips', { namespace: config('skip-inbound-ports', '8080') }, '80, 5432, 9042'],
    [
      'the Pod’s own list replaces the namespace’s',
      { namespace: config('skip-inbound-ports', '8080'), server: { annotations: config('skip-inbound-ports', '') } },
      all,
    ],
    [
      'a bad item of a list is left out',
      { server: { annotations: config('skip-inbound-ports', '8080,x,9042') } },
      '80, 5432',
    ],
    [
      'the client’s list of inbound ports does not matter',
      { client: { annotations: config('skip-inbound-ports', '8080') } },
      all,
    ],
    ['the client skips', { client: { annotations: config('skip-outbound-ports', '5432') } }, '80, 8080, 9042'],
    [
      'the server’s list of outbound ports does not matter',
      { server: { annotations: config('skip-outbound-ports', '5432') } },
      all,
    ],
    [
      'the client skips a Service’s port, by number',
      {
        client: { annotations: config('skip-outbound-ports', '8000') },
        others: [service({ selector: { app: 'server' }, ports: [{ port: 8000, targetPort: 8080 }] })],
      },
      '80, 5432, 9042',
    ],
    [
      'the client skips a Service’s port, by name',
      {
        client: { annotations: config('skip-outbound-ports', '8000') },
        server: { spec: ports({ name: 'http', containerPort: 8080 }) },
        others: [service({ selector: { app: 'server' }, ports: [{ port: 8000, targetPort: 'http' }] })],
      },
      '80, 5432, 9042',
    ],
    [
      'the client skips subnets of Pods',
      { client: { annotations: config('skip-subnets', '203.0.113.0/24,10.0.0.0/8') } },
      '',
    ],
    ['the client skips other subnets', { client: { annotations: config('skip-subnets', '203.0.113.0/24') } }, all],
    ['the server’s subnets do not matter', { server: { annotations: config('skip-subnets', '10.0.0.0/8') } }, all],
    [
      'another control plane',
      {
        client: { labels: { 'linkerd.io/control-plane-ns': 'blue' } },
        server: { labels: { 'linkerd.io/control-plane-ns': 'green' } },
      },
      '',
    ],
    ['the same control plane', { client: { labels: { 'linkerd.io/control-plane-ns': 'blue' } } }, all],
    ['transparent: only the default opaque ports', { settings: { transportMode: 'transparent' } }, '5432'],
    ['before 2.18: the same', { settings: { minor: 17 } }, '5432'],
    [
      'transparent: the server’s own list replaces the default',
      { settings: { transportMode: 'transparent' }, server: { annotations: config('opaque-ports', '8080') } },
      '8080',
    ],
    [
      'transparent: so does its namespace’s',
      { settings: { transportMode: 'transparent' }, namespace: config('opaque-ports', '9042') },
      '9042',
    ],
    [
      'transparent: the injector writes those of the default list that the Pod declares',
      { settings: { transportMode: 'transparent' }, server: { spec: ports({ containerPort: 3306 }) } },
      '',
    ],
    [
      'transparent: a Server says opaque, by number',
      {
        settings: { transportMode: 'transparent' },
        others: [server({ podSelector: { matchLabels: { app: 'server' } }, port: 9042, proxyProtocol: 'opaque' })],
      },
      '5432, 9042',
    ],
    [
      'transparent: a Server of another Pod, or of another protocol, does not',
      {
        settings: { transportMode: 'transparent' },
        others: [
          server({ podSelector: { matchLabels: { app: 'x' } }, port: 9042, proxyProtocol: 'opaque' }),
          server({ podSelector: {}, port: 8080, proxyProtocol: 'HTTP/1' }),
        ],
      },
      '5432',
    ],
  ]
  for (const [name, one, expected] of table) t.equal(redirected(one), expected, name)
})

t.test('it never redirects DNS and the proxy’s own ports', async (t) => {
  const spared = (one: Case) => {
    const left = redirected(one, allPorts)
      .split(', ')
      .map((range): [number, number] => {
        const [first = 0, last = first] = range.split('-').map(Number)
        return [first, last]
      })
    return formatPorts(portDifference(allPorts, portSet(left)))
  }
  t.equal(spared({}), '53, 4143, 4190-4191')
  t.equal(spared({ server: { annotations: config('inbound-port', '5143') } }), '53, 4190-4191, 5143')
  t.equal(spared({ server: { annotations: config('admin-port', '5191') } }), '53, 4143, 4190-4191, 5191')
})

t.test('it knows where the proxy of a Pod listens', async (t) => {
  const proxy = (place: string, value: string) => ({
    spec: {
      containers: [],
      [place]: [
        {
          name: 'linkerd-proxy',
          restartPolicy: 'Always',
          env: [{ name: 'LINKERD2_PROXY_INBOUND_LISTEN_ADDR', value }],
        },
      ],
    },
    labels: { 'linkerd.io/control-plane-ns': 'linkerd' },
  })
  const table: readonly (readonly [string, Parameters<typeof pod>[1], object, number])[] = [
    ['by default', {}, {}, 4143],
    ['by its annotation', { annotations: config('inbound-port', '5143') }, {}, 5143],
    ['by its namespace’s', {}, config('inbound-port', '5143'), 5143],
    ['not by what is no port', { annotations: config('inbound-port', 'x') }, {}, 4143],
    ['by the proxy itself', proxy('containers', '0.0.0.0:6143'), {}, 6143],
    ['by a native sidecar', proxy('initContainers', '[::]:6143'), config('inbound-port', '5143'), 6143],
    ['not by an address that is none', proxy('containers', 'localhost:6143'), {}, 4143],
  ]
  for (const [name, sketch, annotations, expected] of table) {
    const one = pod('web', sketch)
    const view = worldOf([namespace('a', 'enabled', annotations), one])
    t.equal(podFactsOf(one, view).inboundPort, expected, name)
  }
})
