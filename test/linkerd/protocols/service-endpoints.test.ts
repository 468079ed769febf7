import t from 'tap'
import { endpointsOf } from '../../../src/linkerd/protocols/service-endpoints.ts'
import { namespace, pod, service, worldOf } from '../wire-world.ts'

const ports = [
  { containerPort: 4222, name: 'client' },
  { containerPort: 53, name: 'dns', protocol: 'UDP' },
]

const cases: readonly (readonly [what: string, port: object, asked: number, numbers: readonly number[] | undefined])[] =
  [
    ['no target', { port: 80 }, 80, [80]],
    ['a number', { port: 80, targetPort: 4222 }, 80, [4222]],
    ['a number nobody declares', { port: 80, targetPort: 9 }, 80, [9]],
    ['a name', { port: 80, targetPort: 'client' }, 80, [4222]],
    ['a name of UDP', { port: 80, targetPort: 'dns' }, 80, undefined],
    ['a name nobody has', { port: 80, targetPort: 'web' }, 80, undefined],
    ['a port that is not declared', { port: 80, targetPort: 'client' }, 81, [81]],
    ['a port that is not declared, beside one that leads nowhere', { port: 80, targetPort: 'web' }, 81, undefined],
  ]

t.test('it knows where a Service’s port leads', async (t) => {
  for (const [what, port, asked, numbers] of cases) {
    const { view, find } = worldOf([namespace(), service({ ports: [port] }), pod(ports)])
    const endpoints = endpointsOf(find('Service', 'svc'), asked, view)
    t.same(
      endpoints?.map((one) => one.port),
      numbers,
      what,
    )
  }
})

t.test('it leaves out Pods that have the label of the mesh, but no proxy', async (t) => {
  const labels = { app: 'a', 'linkerd.io/control-plane-ns': 'linkerd' }
  const bare = { ...pod(ports), metadata: { name: 'bare', namespace: 'shop', labels } }
  const { view, find } = worldOf([namespace({}), service({ ports: [{ port: 80 }] }), bare])
  t.same(endpointsOf(find('Service', 'svc'), 80, view), [])
})
