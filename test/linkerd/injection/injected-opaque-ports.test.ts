import fc from 'fast-check'
import t from 'tap'
import type { Spec } from '../../../src/k8s/spec-shapes.ts'
import { injectedOnPod, injectedOnService } from '../../../src/linkerd/injection/injected-opaque-ports.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'

const key = 'config.linkerd.io/opaque-ports'
const shop = (list: string) => ({ annotations: { [key]: list } })
type Ports = Spec<'Service'>['ports']

// What the injector writes on a Service, by its ports. The first six are the edge cases of Linkerd's own comment.
const services: readonly (readonly [what: string, ports: Ports, list: string | undefined])[] = [
  ['13306 to 3306', [{ port: 13306, targetPort: 3306 }], '13306'],
  ['13306 to a name', [{ port: 13306, targetPort: 'mysql' }], undefined],
  ['3306 to a name', [{ port: 3306, targetPort: 'mysql' }], undefined],
  [
    '25 beside 3306 to a name',
    [
      { port: 25, targetPort: 25 },
      { port: 3306, targetPort: 'mysql' },
    ],
    '25',
  ],
  ['3306 to HTTP on 80', [{ port: 3306, targetPort: 80 }], undefined],
  ['9300 to 9300, though HTTP', [{ port: 9300, targetPort: 9300, appProtocol: 'http' }], '9300'],
  ['3306 without a target', [{ port: 3306 }], '3306'],
  ['a target of 0', [{ port: 3306, targetPort: 0 }], '3306'],
  ['a null port', [null, { port: 25 }], '25'],
  ['UDP', [{ port: 3306, protocol: 'UDP' }], '3306'],
  ['twice the same', [{ port: 3306 }, { port: 3306, protocol: 'UDP' }], '3306,3306'],
  ['another number', [{ port: 4222 }], undefined],
  ['a number still to be filled in', [{ port: '${PORT}', targetPort: 3306 }], undefined],
  ['no ports', null, undefined],
]

t.test('it finds the default ports of a Service by their targets, and lists the Service’s own', async (t) => {
  for (const [what, ports, list] of services)
    t.same(injectedOnService({}, { ports }, undefined, defaultSettings), list === undefined ? {} : { list }, what)
})

t.test('it does so for headless Services and for names outside the cluster alike', async (t) => {
  for (const spec of [{ clusterIP: 'None' }, { type: 'ExternalName' }])
    t.same(injectedOnService({}, { ...spec, ports: [{ port: 3306 }] }, undefined, defaultSettings), { list: '3306' })
})

t.test('it finds the default ports that a Pod declares, in container order', async (t) => {
  const spec = {
    initContainers: [{ name: 'i', ports: [{ containerPort: 6379 }] }],
    containers: [
      { name: 'a', ports: [{ containerPort: 3306, protocol: 'UDP' }, { containerPort: 8080 }] },
      { name: 'b', ports: [null, { containerPort: 25 }, { containerPort: 3306 }] },
    ],
  }
  const pod = { metadata: {}, spec }
  t.same(injectedOnPod(pod, undefined, defaultSettings, true), { list: '6379,3306,25,3306' })
  t.same(injectedOnPod(pod, undefined, defaultSettings, false), { list: '6379,3306,25,3306' }, 'uninjected, too')
  const old = { ...defaultSettings, minor: 19 }
  t.same(injectedOnPod(pod, undefined, old, true), { list: '3306,25,3306' }, 'init containers count from 2.20 on')
  t.same(injectedOnPod({ metadata: {}, spec: {} }, undefined, defaultSettings, true), {})
})

t.test('it compares the default list token by token, so that a range or a space silences it', async (t) => {
  for (const [opaquePorts, list] of [
    ['25,3306', '3306'],
    ['3300-3310', undefined],
    ['25, 3306', undefined],
    ['', undefined],
  ] as const)
    t.same(
      injectedOnService({}, { ports: [{ port: 3306 }] }, undefined, { ...defaultSettings, opaquePorts }),
      list === undefined ? {} : { list },
      opaquePorts,
    )
})

t.test('it prefers the object’s own list, then the namespace’s, to the defaults', async (t) => {
  const spec = { ports: [{ port: 3306 }], containers: [{ name: 'a', ports: [{ containerPort: 3306 }] }] }
  for (const own of ['', '9000', 'nonsense']) {
    t.same(injectedOnService(shop(own), spec, shop('4222'), defaultSettings), {}, 'a list that is there stays')
    t.same(injectedOnPod({ metadata: shop(own), spec }, shop('4222'), defaultSettings, true), {})
  }
  for (const inherited of ['', '4222', ' 4222 , web ']) {
    t.same(injectedOnService({}, spec, shop(inherited), defaultSettings), { list: inherited }, 'as it is, unfiltered')
    t.same(injectedOnPod({ metadata: {}, spec }, shop(inherited), defaultSettings, true), { list: inherited })
  }
})

// Copied between quotes into a JSON patch: escaped for HTML where nothing else is patched, not at all beside the proxy.
const copies: readonly (readonly [value: string, beside: string | null, alone: string | null])[] = [
  ['4222', '4222', '4222'],
  ['+11211', '+11211', '&#43;11211'],
  ['a&b<c>', 'a&b<c>', 'a&amp;b&lt;c&gt;'],
  ["'9000'", "'9000'", '&#39;9000&#39;'],
  ['"9000"', null, '&#34;9000&#34;'],
  ['9000\n', null, null],
  ['9000\\', null, null],
  ['90\\t00', '90\t00', '90\t00'],
  ['90\\d00', null, null],
]

t.test('it copies a namespace’s list as the patch does, which not every text survives', async (t) => {
  const written = (list: string | null) => (list === null ? { undecodable: true } : { list })
  for (const [value, beside, alone] of copies) {
    const pod = { metadata: {}, spec: {} }
    t.same(
      injectedOnPod(pod, shop(value), defaultSettings, true),
      written(beside),
      `${JSON.stringify(value)}, injected`,
    )
    t.same(
      injectedOnPod(pod, shop(value), defaultSettings, false),
      written(alone),
      `${JSON.stringify(value)}, uninjected`,
    )
    t.same(injectedOnService({}, {}, shop(value), defaultSettings), written(alone), `${JSON.stringify(value)}, Service`)
  }
})

t.test('it writes on a Service nothing but default ports, and only its own', async (t) => {
  const port = fc.constantFrom(25, 80, 3306, 4222, 9300)
  fc.assert(
    fc.property(fc.array(fc.record({ port, targetPort: fc.oneof(port, fc.constant('web')) })), (ports) => {
      const { list } = injectedOnService({}, { ports }, undefined, defaultSettings)
      for (const token of list?.split(',') ?? []) t.ok(ports.some((one) => String(one.port) === token))
      t.equal(list === undefined, !ports.some(({ targetPort }) => [25, 3306, 9300].includes(Number(targetPort))))
    }),
    { numRuns: 100 },
  )
})
