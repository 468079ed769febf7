import fc from 'fast-check'
import t from 'tap'
import { podFactsOf } from '../../../src/linkerd/pods/pod-facts.ts'
import { askedOf, includesAsked, portsBeside } from '../../../src/linkerd/policies/port-question.ts'
import type { Ports, Rule } from '../../../src/policy/policy.ts'
import { allPorts, hasPort, type PortSet, portsOf } from '../../../src/policy/port-set.ts'
import { namespace, pod, worldOf } from '../world.ts'

const containers = [
  {
    name: 'app',
    ports: [
      { name: 'http', containerPort: 8080 },
      { name: 'admin', containerPort: 9090 },
    ],
  },
]
const server = podFactsOf(pod('server', { spec: { containers } }), worldOf([namespace('a', 'enabled')]))

function ports(numbers: PortSet, names: readonly string[] = []): Ports {
  return { numbers, names, unknown: false }
}

function rule(numbers: PortSet, names: readonly string[] = []): Rule {
  const granted = ports(numbers, names)
  return { action: 'allow', index: 0, path: [], peers: [], entries: [], ports: granted, order: 0 }
}

t.test('it knows whether a port is among those of a rule, for a server', async (t) => {
  const table: readonly (readonly [Ports, number | string, boolean])[] = [
    [ports([[8000, 8100]]), 8080, true],
    [ports([[8000, 8100]]), 9090, false],
    [ports([], ['http']), 8080, true],
    [ports([], ['http']), 9090, false],
    // A name of which nobody knows what it stands for is that name, or any port there is.
    [ports([], ['http']), 'http', true],
    [ports([], ['http']), 'other', false],
    [ports(allPorts), 'other', true],
    [ports([[1, 65534]]), 'other', false],
    [ports([]), 8080, false],
  ]
  for (const [granted, port, expected] of table)
    t.equal(includesAsked(granted, port, server), expected, `${port} in ${JSON.stringify(granted)}`)
})

t.test('it knows which ports are left beside those of a rule, by number and by name', async (t) => {
  const table: readonly (readonly [PortSet, Rule, PortSet])[] = [
    [[[8080, 8080]], rule([[8080, 8080]]), []],
    [[[8080, 8080]], rule([], ['http']), []],
    [[[8080, 8080]], rule([], ['admin']), [[8080, 8080]]],
    [[[8080, 8080]], rule([], ['unheard-of']), [[8080, 8080]]],
    [
      [[8000, 9100]],
      rule([[8500, 8600]], ['http', 'admin']),
      [
        [8000, 8079],
        [8081, 8499],
        [8601, 9089],
        [9091, 9100],
      ],
    ],
  ]
  for (const [numbers, one, expected] of table) t.strictSame(portsBeside(numbers, one, server), expected)
})

t.test('it asks for one port of all that no rule tells apart', async (t) => {
  const table: readonly (readonly [PortSet, readonly Rule[], readonly number[]])[] = [
    [[[8080, 8090]], [], [8080]],
    [[], [rule(allPorts)], []],
    [[[8080, 8090]], [rule([[8085, 9000]])], [8080, 8085]],
    [[[8080, 8090]], [rule([], ['http'])], [8080, 8081]],
    [[[1, 65535]], [rule([[80, 80]]), rule([[443, 443]])], [1, 80, 443]],
  ]
  for (const [numbers, rules, expected] of table)
    t.strictSame(askedOf(numbers, rules, server), expected, JSON.stringify([numbers, rules.map((one) => one.ports)]))
  const many = Array.from({ length: 100 }, (_, i) => rule(portsOf([100 * (i + 1)])))
  t.equal(askedOf(allPorts, many, server).length, 64, 'no more than policies about one Pod tell apart')
})

t.test('it leaves no port without one that every rule treats alike', async () => {
  const some = fc.uniqueArray(fc.constantFrom(8079, 8080, 8081, 8082, 9090, 9091)).map(portsOf)
  const ruled = fc.tuple(some, fc.subarray(['http', 'admin'])).map(([numbers, names]) => rule(numbers, names))
  fc.assert(
    fc.property(some, fc.array(ruled, { maxLength: 3 }), (numbers, rules) => {
      const asked = askedOf(numbers, rules, server)
      const signature = (port: number) => rules.map((one) => includesAsked(one.ports, port, server)).join()
      const all = [8079, 8080, 8081, 8082, 9090, 9091].filter((port) => hasPort(numbers, port))
      return (
        asked.every((port) => all.includes(port)) &&
        all.every((port) => asked.some((one) => signature(one) === signature(port)))
      )
    }),
    { numRuns: 2000, seed: 3 },
  )
})
