import t from 'tap'
import type { PodSpec } from '../../../src/k8s/spec-shapes.ts'
import type { ServicePort } from '../../../src/linkerd/protocols/service-targets.ts'
import { declaredPorts, isTcp, portsLeadingTo, targetOf } from '../../../src/linkerd/protocols/service-targets.ts'
import { service, worldOf } from '../wire-world.ts'

interface Template {
  readonly spec: PodSpec
}

const main = {
  name: 'main',
  ports: [
    { containerPort: 3306, name: 'mysql' },
    { containerPort: 8125, name: 'stats', protocol: 'UDP' },
    { containerPort: 9104, name: 'metrics', protocol: 'TCP' },
    null,
  ],
}
const one: Template = { spec: { containers: [main] } }
const proxy = { name: 'linkerd-proxy', ports: [{ containerPort: 4143, name: 'linkerd-proxy' }] }
const two: Template = { spec: { containers: [main, { name: 'other', ports: null }] } }
const meshed: Template = { spec: { containers: [proxy, main] } }

const table: readonly (readonly [what: string, ServicePort, Template, number | undefined, string?])[] = [
  ['a number', { port: 1, targetPort: 3306 }, one, 3306, 'mysql'],
  ['a name', { port: 1, targetPort: 'metrics' }, one, 9104, 'metrics'],
  ['no target', { port: 3306 }, one, 3306, 'mysql'],
  ['a target of 0', { port: 3306, targetPort: 0 }, one, 3306, 'mysql'],
  ['a null target', { port: 3306, targetPort: null }, one, 3306, 'mysql'],
  ['a name of digits', { port: 3306, targetPort: '3306' }, one, undefined],
  ['a name nobody has', { port: 3306, targetPort: 'web' }, one, undefined],
  ['a name of a UDP port', { port: 1, targetPort: 'stats' }, one, undefined],
  ['a number nobody declares, one container', { port: 4222 }, one, 4222],
  ['a number nobody declares, two containers', { port: 4222 }, two, undefined],
  ['a number nobody declares, one container beside the proxy', { port: 4222 }, meshed, 4222],
  ['a number still to be filled in', { port: '${PORT}' }, one, undefined],
  ['no port at all', {}, one, undefined],
]

t.test('it follows a Service port to the container port', async (t) => {
  for (const [what, port, template, number, name] of table) {
    const target = targetOf(port, template)
    t.equal(target?.number, number, what)
    t.equal(target?.name, name, `${what}: by its own name only`)
    if (target) t.equal(target.container.name, 'main', what)
  }
})

t.test('it lists declared TCP ports in order, of sidecars too, but not of init containers that end', async (t) => {
  const sidecar = { name: 's', restartPolicy: 'Always', ports: [{ containerPort: 1 }] }
  const ending = { name: 'i', ports: [{ containerPort: 2, name: 'mysql' }] }
  const spec = { initContainers: [ending, sidecar], containers: [main] }
  t.same(
    declaredPorts({ spec }).map(({ number }) => number),
    [1, 3306, 9104],
  )
  t.equal(targetOf({ port: 1, targetPort: 'mysql' }, { spec })?.number, 3306)
})

t.test('it finds the TCP ports that lead to a container port', async (t) => {
  const { find } = worldOf([
    service({
      ports: [
        { port: 1, targetPort: 3306 },
        { port: 2, targetPort: 'mysql' },
        { port: 3306, protocol: 'UDP' },
        { port: 9104 },
        null,
      ],
    }),
  ])
  t.same(
    portsLeadingTo(3306, one, [find('Service', 'svc')]).map(({ port }) => port),
    [1, 2],
  )
  t.ok(isTcp({}))
  t.ok(isTcp({ protocol: 'TCP' }))
  t.notOk(isTcp({ protocol: 'SCTP' }))
})
