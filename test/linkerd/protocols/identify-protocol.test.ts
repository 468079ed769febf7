import fc from 'fast-check'
import t from 'tap'
import { catalogue } from '../../../src/linkerd/protocols/catalogue.ts'
import { type Identified, identifyProtocol } from '../../../src/linkerd/protocols/identify-protocol.ts'
import type { Protocol } from '../../../src/linkerd/protocols/protocol.ts'

const none = { protocols: [] }

type Known = `${string} by ${Identified['by']}` | undefined

const rootPassword = [{ name: 'MYSQL_ROOT_PASSWORD', value: 'x' }]
const app = (name: string) => ({ 'app.kubernetes.io/name': name })

// The table in the comment of `identifyProtocol`, with MySQL's signs: its image, 3306, its own name, a vague one, a hint.
const table: readonly (readonly [
  image: boolean,
  number: boolean,
  name: 'mysql' | 'db' | undefined,
  hint: boolean,
  by: Identified['by'] | undefined,
])[] = [
  [true, true, undefined, false, 'image'],
  [true, true, 'mysql', true, 'image'],
  [true, false, 'mysql', false, 'image'],
  [true, false, 'db', true, 'image'],
  [true, false, undefined, true, undefined],
  [true, false, undefined, false, undefined],
  [false, true, 'mysql', false, 'hints'],
  [false, true, 'db', false, 'hints'],
  [false, true, undefined, true, 'hints'],
  [false, true, 'mysql', true, 'hints'],
  [false, false, 'mysql', true, 'hints'],
  [false, false, 'db', true, undefined],
  [false, false, 'mysql', false, undefined],
  [false, false, 'db', false, undefined],
  [false, false, undefined, true, undefined],
  [false, true, undefined, false, 'number'],
]

t.test('it weighs image, number, name and hints as the table says', async (t) => {
  for (const [image, number, name, hint, by] of table) {
    const container = { image: image ? 'mysql:8' : 'registry.example/app:1', env: hint ? rootPassword : [] }
    const found = identifyProtocol({ number: number ? 3306 : 13306, name, container }, none)
    t.same([found?.protocol.id, found?.by], [by && 'mysql', by], JSON.stringify({ image, number, name, hint }))
  }
  // On a client-first database none of it counts.
  for (const [, number, name] of table) {
    const container = { image: 'docker.io/library/postgres:16', env: rootPassword }
    const found = identifyProtocol({ number: number ? 3306 : 13306, name, container }, none)
    t.ok(found === undefined || found.protocol.id === 'postgresql', `${number ? 3306 : 13306} ${name}`)
  }
})

const cases: readonly (readonly [what: string, Parameters<typeof identifyProtocol>[0], Known])[] = [
  ['a label', { number: 4222, name: undefined, labels: app('nats') }, 'nats by hints'],
  ['a label and an own name', { number: 13306, name: 'mysql', labels: app('mariadb') }, 'mysql by hints'],
  ['a label of other software', { number: 4000, name: undefined, labels: app('dapr') }, undefined],
  [
    'an argument',
    { number: 4222, name: undefined, container: { args: ['-c', '/etc/nats-config/nats.conf'] } },
    'nats by hints',
  ],
  [
    'a command',
    { number: 15306, name: 'mysql', container: { command: ['vtgate', '--mysql_server_port=15306'] } },
    'vitess by hints',
  ],
  ['a number of many', { number: 4000, name: undefined }, undefined],
  ['a number of many', { number: 9004, name: undefined, container: { image: 'example/api' } }, undefined],
  ['a number of many', { number: 50000, name: undefined, container: { image: 'jenkins/jenkins' } }, undefined],
  ['both sides at once', { number: 2222, name: 'ssh' }, 'ssh by hints'],
  ['a number of many', { number: 2222, name: undefined }, undefined],
  ['a number of few', { number: 4222, name: undefined }, 'nats by number'],
  [
    'a number of few, of other software in the catalogue',
    { number: 4222, name: undefined, container: { image: 'tarantool/tarantool' } },
    undefined,
  ],
  ['a number of few, by the name of other software', { number: 3306, name: 'postgres' }, undefined],
  ['a vague name on its number', { number: 6222, name: 'cluster' }, 'nats by hints'],
  ['a vague name elsewhere', { number: 8080, name: 'client', labels: app('nats') }, undefined],
  ['NATS monitoring', { number: 8222, name: 'monitor', container: { image: 'nats:2' } }, undefined],
  ['NATS monitoring, unnamed', { number: 8222, name: undefined, container: { image: 'nats:2' } }, undefined],
  ['an exporter', { number: 9104, name: 'metrics', container: { image: 'prom/mysqld-exporter' } }, undefined],
  [
    'an exporter beside it',
    { number: 7777, name: 'metrics', container: { image: 'natsio/prometheus-nats-exporter' } },
    undefined,
  ],
  ['HTTP on its number', { number: 3306, name: 'http', container: { image: 'mysql:8' } }, undefined],
  ['gRPC on its number', { number: 4000, name: 'grpc-api', container: { image: 'pingcap/tidb' } }, undefined],
  ['MySQL X', { number: 33060, name: 'mysqlx', container: { image: 'mysql:8' } }, 'mysql-x by image'],
  ['a pool', { number: 5432, name: undefined, container: { image: 'bitnami/postgresql:16' } }, 'postgresql by image'],
  ['a client-first broker', { number: 9092, name: 'kafka' }, 'kafka by hints'],
  [
    'a client-first broker with TLS',
    { number: 27017, name: 'mongo-tls', container: { image: 'mongo:7' } },
    'mongodb by image',
  ],
  [
    'TLS at once, by its name',
    { number: 993, name: 'imaps', container: { image: 'dovecot/dovecot' } },
    'imaps by hints',
  ],
  [
    'one binary, two protocols',
    { number: 9000, name: 'native', container: { image: 'clickhouse/clickhouse-server' } },
    'clickhouse-native by image',
  ],
  [
    'one binary, two protocols',
    { number: 9004, name: undefined, container: { image: 'clickhouse/clickhouse-server' } },
    'clickhouse-mysql by image',
  ],
  ['TLS that begins at once', { number: 25, name: 'smtp-tls', container: { image: 'boky/postfix' } }, undefined],
  ['TLS that begins at once', { number: 587, name: 'submissions', container: { image: 'boky/postfix' } }, undefined],
  ['TLS after the greeting', { number: 4222, name: 'nats-tls', container: { image: 'nats:2' } }, 'nats by image'],
  ['TLS after the greeting', { number: 3306, name: 'mysql-tls', container: { image: 'mysql:8' } }, 'mysql by image'],
  ['the PROXY protocol', { number: 143, name: 'imap-proxy', container: { image: 'dovecot/dovecot' } }, undefined],
  ['the PROXY protocol', { number: 3309, name: 'proxy-protocol', labels: app('percona-xtradb-cluster') }, undefined],
  [
    'replicas behind HAProxy',
    { number: 3307, name: 'mysql-replicas', labels: app('percona-xtradb-cluster') },
    'mysql by hints',
  ],
  ['Selenium’s hub', { number: 4444, name: undefined, container: { image: 'selenium/hub' } }, undefined],
  ['a name of Object.prototype', { number: 8080, name: 'constructor', labels: { constructor: 'x' } }, undefined],
  [
    'nulls',
    { number: 3306, name: undefined, container: { image: null, env: [null, { name: null }], args: [null] } },
    'mysql by number',
  ],
]

t.test('it knows what is what', async (t) => {
  for (const [what, signs, known] of cases) {
    const found = identifyProtocol(signs, none)
    t.equal(found && `${found.protocol.id} by ${found.by}`, known, `${what}: ${JSON.stringify(signs)}`)
  }
})

t.test('it reads an image by the end of its name', async (t) => {
  for (const [image, known] of [
    ['nats', true],
    ['nats:2.10', true],
    ['library/nats', true],
    ['registry.example:5000/a/b/nats:2.10@sha256:0123', true],
    ['registry.example:5000/nats', true],
    ['nats@sha256:0123', true],
    ['nats/prometheus-exporter', false],
    ['natsio/nats-box:0.14', false],
    ['nats:5000/app', false],
    ['mynats', false],
    ['', false],
  ] as const)
    t.equal(
      identifyProtocol({ number: 4222, name: undefined, container: { image } }, none)?.by === 'image',
      known,
      image,
    )
})

t.test('it never goes by the number alone, but for the few', async (t) => {
  const few = new Set(catalogue.flatMap(({ numberAlone = [] }) => numberAlone))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 65535 }), (number) => {
      const found = identifyProtocol({ number, name: undefined, container: { image: 'registry.example/app:1' } }, none)
      t.equal(found?.by, few.has(number) ? 'number' : undefined, String(number))
    }),
    {
      numRuns: 200,
      examples: [...few, 4000, 6001, 3307, 8066, 9004, 9030, 50000, 6600, 2222, 10011].map((port) => [port]),
    },
  )
})

t.test('it takes the strongest sign', async (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...catalogue.filter(({ images }) => images.length > 0)), (protocol) => {
      const [image = ''] = protocol.images
      for (const number of protocol.ports) {
        const container = { image: image.replaceAll('*', '') || 'x' }
        const found = identifyProtocol({ number, name: undefined, container }, none)
        t.equal(found?.by, 'image', `${image} on ${number}`)
        t.ok(found?.protocol.ports.includes(number))
      }
    }),
  )
})

const bus: Protocol = {
  id: 'acme-bus',
  name: 'Acme bus',
  class: 'server-first',
  ports: [7001],
  numberAlone: [7001],
  images: ['acme-bus*'],
  portNames: ['bus'],
  source: 'configuration',
}
const quiet: Protocol = { ...bus, id: 'acme-log', class: 'client-first', ports: [4222], numberAlone: [4222] }

t.test('it knows what configuration adds, before its own', async (t) => {
  const add = (...protocols: readonly Protocol[]) => ({ protocols })
  const acme = { image: 'registry.example/acme-bus-server:3' }
  for (const [signs, settings, known] of [
    [{ number: 7001, name: undefined, container: acme }, add(bus), 'acme-bus by image'],
    [{ number: 7001, name: 'bus' }, add(bus), 'acme-bus by hints'],
    [{ number: 7001, name: undefined }, add(bus), 'acme-bus by number'],
    [{ number: 7001, name: undefined }, none, undefined],
    // Here 4222 is not NATS, unless something says NATS.
    [{ number: 4222, name: undefined }, add(quiet), 'acme-log by number'],
    [{ number: 4222, name: 'nats', container: acme }, add(quiet), 'acme-log by image'],
    [{ number: 4222, name: 'nats' }, add(quiet), 'nats by hints'],
  ] as const) {
    const found = identifyProtocol(signs, settings)
    t.equal(found && `${found.protocol.id} by ${found.by}`, known, JSON.stringify(signs))
  }
})
