import t from 'tap'
import { podTemplateOf } from '../../../src/k8s/pod-template.ts'
import {
  clientsBypass,
  identifyContainerPort,
  portsOf,
  serverFirstPortsOf,
} from '../../../src/linkerd/protocols/server-first-ports.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'
import { pod, service, worldOf } from '../wire-world.ts'

const image = (name: string, ports: readonly object[] = []) =>
  pod([], {}, { containers: [{ name: 'c', image: name, ports }] })

// Service ports, the Pods behind them, and which of the ports are server-first.
const table: readonly (readonly [
  what: string,
  ports: readonly (object | null)[],
  pods: readonly object[],
  found: readonly number[],
])[] = [
  ['by image', [{ port: 4222 }, { port: 8222 }], [image('nats')], [4222]],
  ['by number, no Pod known', [{ port: 4222 }], [], [4222]],
  ['by number and name, no Pod known', [{ port: 13306, targetPort: 3306, name: 'mysql' }], [], [13306]],
  ['an ambiguous number, no Pod known', [{ port: 4000 }], [], []],
  [
    'through a name',
    [{ port: 1, targetPort: 'client' }],
    [image('nats', [{ containerPort: 4222, name: 'client' }])],
    [1],
  ],
  ['a target nobody has', [{ port: 4222, targetPort: 'client' }], [image('nats')], []],
  ['UDP', [{ port: 4222, protocol: 'UDP' }], [image('nats')], []],
  ['HTTP by appProtocol', [{ port: 4222, appProtocol: 'HTTP' }], [image('nats')], []],
  ['HTTP by the Service’s name', [{ port: 4222, name: 'http' }], [image('nats')], []],
  [
    'still to be filled in',
    [{ port: '${PORT}' }, { port: 4222, appProtocol: '${P}' }, { port: 4222, targetPort: '${T}' }, null],
    [image('nats')],
    [],
  ],
  ['skipped by clients', [{ port: 4567, name: 'galera' }], [image('mariadb-galera')], []],
  ['long-lived only', [{ port: 4444, name: 'sst' }], [image('mariadb-galera')], []],
  ['the proxy’s control port', [{ port: 4190, name: 'sieve' }], [image('dovecot')], []],
  ['the proxy’s control port, no Pod known', [{ port: 4190, name: 'sieve' }], [], []],
  ['a client-first database', [{ port: 3306, name: 'mysql' }], [image('postgres')], []],
  [
    'one of two Pods',
    [{ port: 4222 }],
    [image('redis'), { ...image('nats'), metadata: { ...image('nats').metadata, name: 'other' } }],
    [4222],
  ],
]

t.test('it finds the ports of a Service on which the server speaks first', async (t) => {
  for (const [what, ports, pods, found] of table) {
    const { view, find } = worldOf([service({ ports }), ...pods])
    const list = serverFirstPortsOf(find('Service', 'svc'), view.all('Pod'), defaultSettings)
    t.same(
      list.map(({ port }) => port),
      found,
      what,
    )
    for (const { port, index } of list) t.match(ports[index], { port }, what)
  }
})

t.test('it lists what a Pod declares, then what Services lead to, each number once', async (t) => {
  const { view, find } = worldOf([
    image('nats', [
      { containerPort: 4222, name: 'client' },
      { containerPort: 4222, name: 'again', hostPort: 1 },
      { containerPort: 53, protocol: 'UDP' },
    ]),
    service({
      ports: [{ port: 6222, name: 'cluster' }, { port: 1, targetPort: 4222 }, { port: 7, protocol: 'UDP' }, null],
    }),
  ])
  const ports = portsOf(podTemplateOf(find('Pod', 'pod')), view.all('Service'))
  t.same(
    ports.map(({ number, name, declared }) => [number, name, declared]),
    [
      [4222, 'client', true],
      [6222, 'cluster', false],
    ],
  )
})

t.test(
  'it leaves a container port alone that a Service calls HTTP, or that is known by number alone and not declared',
  async (t) => {
    const identify = (one: object, services: readonly object[], number: number) => {
      const { view, find } = worldOf([one, ...services])
      const template = podTemplateOf(find('Pod', 'pod'))
      const port = portsOf(template, view.all('Service')).find((each) => each.number === number)
      if (!port) throw new Error(`no port ${number}`)
      return identifyContainerPort(port, template, view.all('Service'), defaultSettings)?.protocol.id
    }
    const declared = [{ containerPort: 4222 }]
    t.equal(identify(image('example/app', declared), [], 4222), 'nats')
    t.equal(identify(image('example/app'), [service({ ports: [{ port: 4222 }] })], 4222), undefined)
    t.equal(identify(image('nats'), [service({ ports: [{ port: 4222 }] })], 4222), 'nats')
    t.equal(
      identify(
        image('nats', declared),
        [service({ ports: [{ port: 1, targetPort: 4222, appProtocol: 'http' }] })],
        4222,
      ),
      undefined,
    )
    t.equal(identify(image('dovecot', [{ containerPort: 4190 }]), [], 4190), undefined)
    t.equal(identify(image('mariadb-galera', [{ containerPort: 4444 }]), [], 4444), undefined)
  },
)

t.test('it knows the ports that clients keep from their proxy', async (t) => {
  t.ok(clientsBypass(4567))
  t.ok(clientsBypass(4568))
  t.notOk(clientsBypass(4444))
})
