import t from 'tap'
import { podTemplateOf } from '../../../src/k8s/pod-template.ts'
import { defaultOpaquePorts } from '../../../src/linkerd/facts.ts'
import {
  forClients,
  isHttp,
  podList,
  podPortsNamed,
  podSideOf,
  serviceList,
  servicePortsNamed,
} from '../../../src/linkerd/protocols/opaque-ports.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'
import { namespace, pod, server, service, worldOf } from '../wire-world.ts'

const key = 'config.linkerd.io/opaque-ports'
const inject = 'linkerd.io/inject'

// The list in effect for a Service: its own, the namespace's copy, the injector's choice, or else the whole default list.
const lists: readonly (readonly [what: string, namespace: object, service: object, list: string])[] = [
  ['nothing said', namespace(), service({ ports: [{ port: 4222 }] }), defaultOpaquePorts],
  ['a default port', namespace(), service({ ports: [{ port: 13306, targetPort: 3306 }] }), '13306'],
  ['its own list', namespace(), service({ ports: [{ port: 3306 }] }, { [key]: '9000' }), '9000'],
  ['its own empty list', namespace(), service({ ports: [{ port: 3306 }] }, { [key]: '' }), ''],
  ['the namespace’s', namespace({ [key]: '4222' }), service({ ports: [{ port: 3306 }] }), '4222'],
  ['both', namespace({ [key]: '4222' }), service({ ports: [{ port: 3306 }] }, { [key]: '1' }), '1'],
  [
    'no injector is called',
    namespace({ [key]: '4222' }, { 'config.linkerd.io/admission-webhooks': 'disabled' }),
    service({ ports: [{ port: 13306, targetPort: 3306 }] }),
    defaultOpaquePorts,
  ],
  [
    'a list that spoils the patch',
    namespace({ [key]: '4222\n' }),
    service({ ports: [{ port: 3306 }] }),
    defaultOpaquePorts,
  ],
]

t.test('it knows the list in effect for a Service', async (t) => {
  for (const [what, home, one, list] of lists) {
    const { view, find } = worldOf([home, one])
    t.same(serviceList(find('Service', 'svc'), view), { value: list, unknown: false }, what)
  }
})

t.test('it predicts nothing for a Service that is admitted', async (t) => {
  const { view, find } = worldOf(
    [namespace({ [key]: '4222' }), service({ ports: [{ port: 25 }] })],
    {},
    { stage: 'admitted' },
  )
  t.equal(serviceList(find('Service', 'svc'), view).value, defaultOpaquePorts)
})

t.test('it says of an unresolved list that it is unknown', async (t) => {
  const { view, find } = worldOf([namespace({ [key]: '${PORTS}' }), service({}), pod([])])
  t.ok(serviceList(find('Service', 'svc'), view).unknown)
  t.ok(podList(podTemplateOf(find('Pod', 'pod')), 'shop', view)?.unknown)
})

const mysql = [{ containerPort: 3306, name: 'mysql' }]
const podLists: readonly (readonly [what: string, namespace: object, pod: object, list: string | undefined])[] = [
  ['a declared default port', namespace(), pod(mysql), '3306'],
  ['no declared default port', namespace(), pod([]), undefined],
  ['an uninjected Pod', namespace({}), pod(mysql), '3306'],
  ['its own list', namespace(), pod(mysql, { [key]: '9000' }), '9000'],
  ['its own empty list', namespace(), pod(mysql, { [key]: '' }), ''],
  ['the namespace’s', namespace({ [inject]: 'enabled', [key]: '9000' }), pod(mysql), '9000'],
  ['the namespace’s, uninjected', namespace({ [key]: '+9000' }), pod(mysql), '&#43;9000'],
  [
    'no injector is called',
    namespace({}, { 'config.linkerd.io/admission-webhooks': 'disabled' }),
    pod(mysql),
    undefined,
  ],
]

t.test('it knows the list in effect for a Pod, which may be none', async (t) => {
  for (const [what, home, one, list] of podLists) {
    const { view, find } = worldOf([home, one])
    t.equal(podList(podTemplateOf(find('Pod', 'pod')), 'shop', view)?.value, list, what)
  }
})

t.test('it predicts a list for the template of a workload that is admitted, and none for a Pod', async (t) => {
  const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'm', ports: mysql }] } }
  const workload = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'shop' },
    spec: { template },
  }
  const { view, find } = worldOf([namespace(), workload, pod(mysql)], {}, { stage: 'admitted' })
  t.equal(podList(podTemplateOf(find('Deployment', 'd')), 'shop', view)?.value, '3306')
  t.equal(podList(podTemplateOf(find('Pod', 'pod')), 'shop', view), undefined)
})

// appProtocol by value and release, where the list would make the port opaque, and where it would not.
const protocols: readonly (readonly [string | null | undefined, minor: number, listed: string, unlisted: string])[] = [
  [undefined, 20, 'opaque', 'detected'],
  [null, 20, 'opaque', 'detected'],
  ['http', 20, 'http', 'http'],
  ['HTTP', 20, 'http', 'http'],
  ['Kubernetes.io/H2C', 18, 'http', 'http'],
  ['linkerd.io/opaque', 18, 'opaque', 'opaque'],
  ['Linkerd.io/TCP', 20, 'opaque', 'opaque'],
  ...[
    'tcp',
    'TCP',
    'tls',
    'https',
    'grpc',
    'http2',
    'h2c',
    'http/1.1',
    'ws',
    'kubernetes.io/ws',
    'mysql',
    'nats',
    '',
  ].map((value) => [value, 20, 'opaque', 'opaque'] as const),
  ['linkerd.io/opaque', 17, 'opaque', 'detected'],
  ['tcp', 17, 'opaque', 'detected'],
  ['http', 17, 'opaque', 'detected'],
]

t.test('it knows what clients make of appProtocol, from 2.18 on', async (t) => {
  const { find } = worldOf([service({ ports: [{ port: 4222 }] })])
  const svc = find('Service', 'svc')
  for (const [appProtocol, minor, listed, unlisted] of protocols) {
    const way = (value: string) =>
      forClients(svc, { value, unknown: false }, { port: 4222, appProtocol }, { ...defaultSettings, minor })
    t.equal(way('4222'), listed, `${appProtocol} on 2.${minor}, listed`)
    t.equal(way('9000'), unlisted, `${appProtocol} on 2.${minor}, not listed`)
  }
  t.notOk(isHttp(undefined))
  t.notOk(isHttp('http2'))
})

t.test('it knows that a list which only destination reads holds for a while', async (t) => {
  const { find } = worldOf([service({ ports: [{ port: 4222, name: 'nats' }, { port: 80 }] })])
  const svc = find('Service', 'svc')
  for (const [value, way] of [
    ['4222', 'opaque'],
    ['4222 - 4223', 'opaque'],
    ['nats', 'opaque-at-times'],
    ['nosuch,4222', 'opaque-at-times'],
    ['0,4222', 'opaque-at-times'],
    ['other', 'detected'],
    ['', 'detected'],
  ] as const)
    t.equal(forClients(svc, { value, unknown: false }, { port: 4222 }, defaultSettings), way, value)
  t.same(servicePortsNamed(svc, 'nats'), [4222])
  t.same(servicePortsNamed(svc, ''), [80], 'an unnamed port has the empty name')
})

const nats = [{ containerPort: 4222, name: 'client' }]
const opaque = { proxyProtocol: 'opaque' }
const skip = 'config.linkerd.io/skip-inbound-ports'
type Side = readonly [skipped: boolean, inbound: boolean, dialled: boolean, server?: string]

// Port 4222 (3306 where said) of the Pod, by annotation, Server, skip list and defaults.
const sides: readonly (readonly [what: string, pod: object, more: readonly object[], Side, port?: number])[] = [
  ['nothing said', pod(nats), [], [false, false, false]],
  ['annotation', pod(nats, { [key]: '4222' }), [], [false, true, true]],
  ['annotation, range', pod(nats, { [key]: '4000-5000' }), [], [false, true, true]],
  ['annotation, spaced range', pod(nats, { [key]: '4222 - 4223' }), [], [false, true, false]],
  ['annotation, name', pod(nats, { [key]: 'client' }), [], [false, false, true]],
  ['annotation, bad token', pod(nats, { [key]: '4222,70000' }), [], [false, false, true]],
  ['annotation without it', pod(nats, { [key]: '9000' }), [], [false, false, false]],
  ['default port, declared', pod(mysql), [], [false, true, true], 3306],
  ['default port, not declared', pod([]), [], [false, false, true], 3306],
  ['default port, other list', pod(mysql, { [key]: '9000' }), [], [false, false, false], 3306],
  ['default port, empty list', pod(mysql, { [key]: '' }), [], [false, false, false], 3306],
  ['skipped', pod(nats, { [skip]: '4222' }), [], [true, false, false]],
  ['skipped, behind a space', pod(nats, { [skip]: '9104, 4222' }), [], [false, false, false]],
  ['skipped by default', pod([]), [], [true, false, false], 4567],
  ['no longer skipped by default', pod([], { [skip]: '9104' }), [], [false, false, false], 4567],
  ['Server opaque', pod(nats), [server('s', { port: 4222, ...opaque })], [false, true, true, 's']],
  ['Server opaque by name', pod(nats), [server('s', { port: 'client', ...opaque })], [false, true, true, 's']],
  ['Server of another name', pod(nats), [server('s', { port: 'web', ...opaque })], [false, false, false]],
  [
    'Server of other Pods',
    pod(nats),
    [server('s', { podSelector: { matchLabels: { app: 'b' } }, port: 4222, ...opaque })],
    [false, false, false],
  ],
  [
    'Server of all Pods',
    pod(nats),
    [server('s', { podSelector: {}, port: 4222, ...opaque })],
    [false, true, true, 's'],
  ],
  [
    'Server of ExternalWorkloads',
    pod(nats),
    [server('s', { podSelector: null, externalWorkloadSelector: {}, port: 4222, ...opaque })],
    [false, false, false],
  ],
  ['Server without protocol', pod(nats, { [key]: '4222' }), [server('s', { port: 4222 })], [false, false, true, 's']],
  [
    'Server TLS',
    pod(nats, { [key]: '4222' }),
    [server('s', { port: 4222, proxyProtocol: 'TLS' })],
    [false, false, true, 's'],
  ],
  [
    'Server Opaque, misspelt',
    pod(nats),
    [server('s', { port: 4222, proxyProtocol: 'Opaque' })],
    [false, false, false, 's'],
  ],
  [
    'two Servers, the older opaque',
    pod(nats),
    [
      server('a', { port: 4222 }, '2026-02-02T00:00:00Z'),
      server('b', { port: 4222, ...opaque }, '2026-01-01T00:00:00Z'),
    ],
    [false, true, true, 'b'],
  ],
  [
    'two Servers, the younger opaque',
    pod(nats),
    [
      server('a', { port: 4222 }, '2026-01-01T00:00:00Z'),
      server('b', { port: 4222, ...opaque }, '2026-02-02T00:00:00Z'),
    ],
    [false, false, true, 'a'],
  ],
  [
    'two Servers of one age',
    pod(nats),
    [server('b', { port: 4222 }), server('a', { port: 4222, ...opaque })],
    [false, true, true, 'a'],
  ],
  [
    'Server on the name of a UDP port',
    pod([{ containerPort: 4222, name: 'udp', protocol: 'UDP' }]),
    [server('s', { port: 'udp', ...opaque })],
    [false, false, true],
  ],
]

t.test('it knows both sides of a Pod’s port', async (t) => {
  for (const [what, one, more, [skipped, inbound, dialled, decisive], port = 4222] of sides) {
    const { view, find } = worldOf([namespace(), one, ...more])
    const side = podSideOf(podTemplateOf(find('Pod', 'pod')), 'shop', port, view)
    t.same([side.skipped, side.inbound, side.dialled, side.server?.name], [skipped, inbound, dialled, decisive], what)
    t.notOk(side.unknown, what)
  }
})

t.test('it takes the namespace’s skip list, and says what is not known yet', async (t) => {
  const side = (home: object, one: object, more: readonly object[] = []) => {
    const { view, find } = worldOf([home, one, ...more])
    return podSideOf(podTemplateOf(find('Pod', 'pod')), 'shop', 4222, view)
  }
  t.ok(side(namespace({ [inject]: 'enabled', [skip]: '4222' }), pod(nats)).skipped)
  t.notOk(side(namespace({ [inject]: 'enabled', [skip]: '4222' }), pod(nats, { [skip]: '' })).skipped)
  t.ok(side(namespace(), pod(nats, { [skip]: '${SKIP}' })).unknown)
  t.ok(side(namespace(), pod(nats, { [key]: '4222,${MORE}' })).unknown)
  t.ok(side(namespace(), pod(nats), [server('s', { port: 4222, proxyProtocol: '${PROTOCOL}' })]).unknown)
})

t.test('it resolves names as each component does', async (t) => {
  const spec = {
    initContainers: [{ name: 'i', ports: [{ containerPort: 1, name: 'x' }] }],
    containers: [
      {
        name: 'c',
        ports: [
          { containerPort: 2, name: 'x' },
          { containerPort: 3, name: 'x', protocol: 'UDP' },
        ],
      },
    ],
  }
  t.same(podPortsNamed({ spec }, 'x'), [1, 2, 3])
  t.same(podPortsNamed({ spec }, 'x', 'TCP'), [1, 2])
  t.same(podPortsNamed({ spec }, ''), [])
})
