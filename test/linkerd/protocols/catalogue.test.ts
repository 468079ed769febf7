import t from 'tap'
import { defaultOpaquePorts } from '../../../src/linkerd/facts.ts'
import { catalogue, clientFirstImages } from '../../../src/linkerd/protocols/catalogue.ts'
import { identifyProtocol } from '../../../src/linkerd/protocols/identify-protocol.ts'
import type { ProtocolClass } from '../../../src/linkerd/protocols/protocol.ts'

const none = { protocols: [] }

// Class S, software by software: a usual image and the ports on which its server speaks first.
const serverFirst: readonly (readonly [id: string, image: string, ports: readonly number[]])[] = [
  ['mysql', 'mysql:8.4', [3306, 33062]],
  ['mysql', 'bitnami/mariadb:11', [3306, 33062]],
  ['mysql', 'percona/percona-server:8', [3306, 33062]],
  ['mysql', 'ghcr.io/singlestore-labs/singlestoredb-dev', [3306]],
  ['mysql', 'dolthub/dolt-sql-server', [3306]],
  ['proxysql', 'proxysql/proxysql:2.7', [6033, 6032]],
  ['maxscale', 'mariadb/maxscale:24', [4006, 4008]],
  ['mysql-router', 'container-registry.example/mysql/community-router:9', [6446, 6447, 6450]],
  ['tidb', 'pingcap/tidb:v8', [4000]],
  ['vitess', 'vitess/vtgate:v21', [15306]],
  ['vitess', 'vitess/lite:v21', [15306]],
  ['doris', 'starrocks/fe-ubuntu:3', [9030]],
  ['doris', 'apache/doris:fe-2.1', [9030]],
  ['manticore', 'manticoresearch/manticore:6', [9306]],
  ['greptimedb', 'greptime/greptimedb:v0.9', [4002]],
  ['oceanbase', 'oceanbase/oceanbase-ce:4', [2881]],
  ['oceanbase', 'oceanbase/obproxy-ce:4', [2883]],
  ['databend', 'datafuselabs/databend-query:v1', [3307]],
  ['shardingsphere', 'apache/shardingsphere-proxy:5', [3307]],
  ['clickhouse-mysql', 'clickhouse/clickhouse-server:24', [9004]],
  ['matrixone', 'matrixorigin/matrixone:1', [6001]],
  ['mycat', 'example/mycat2:1', [8066]],
  ['galera', 'bitnami/mariadb-galera:11', [4567]],
  ['smtp', 'boky/postfix:v4', [25, 587, 2525]],
  ['lmtp', 'dovecot/dovecot:2.3', [24]],
  ['pop3', 'dovecot/dovecot:2.3', [110]],
  ['imap', 'dovecot/dovecot:2.3', [143]],
  ['managesieve', 'dovecot/dovecot:2.3', [4190]],
  ['nntp', 'example/inn2', [119]],
  ['ftp', 'fauria/vsftpd', [21]],
  ['vnc', 'selenium/standalone-chrome:4', [5900]],
  ['vnc', 'consol/ubuntu-xfce-vnc', [5900, 5901, 5999]],
  ['telnet', 'example/telnetd', [23]],
  ['nats', 'nats:2.10-alpine', [4222, 6222, 7422, 7222]],
  ['nats', 'nats-streaming:0.25', [4222]],
  ['asterisk-ami', 'andrius/asterisk', [5038]],
  ['freeswitch-esl', 'signalwire/freeswitch', [8021]],
  ['dict', 'example/dictd', [2628]],
  ['svn', 'garethflowers/svn-server', [3690]],
  ['tarantool', 'tarantool/tarantool:3', [3301]],
  ['monetdb', 'monetdb/monetdb', [50000]],
  ['mpd', 'vimagick/mpd', [6600]],
  ['openvpn-management', 'kylemanna/openvpn', [7505]],
  ['varnish-cli', 'varnish:7', [6082]],
  ['teamspeak-query', 'teamspeak:3', [10011]],
  ['nsca', 'example/nsca-ng', [5667]],
  ['cyrus-mupdate', 'example/cyrus-imapd', [3905]],
]

t.test('it knows every strict server-first protocol by its image and ports', async (t) => {
  for (const [id, image, ports] of serverFirst)
    for (const number of ports) {
      const found = identifyProtocol({ number, name: undefined, container: { image } }, none)
      t.same([found?.protocol.id, found?.by], [id, 'image'], `${image} on ${number}`)
      t.equal(found?.protocol.class, 'server-first')
    }
  const untold = ['galera-state-transfer', 'daytime', 'qmp', 'fluentd-forward']
  t.same(
    [...new Set(serverFirst.map(([id]) => id)), ...untold].toSorted(),
    [...idsOf('server-first'), 'galera-state-transfer'].toSorted(),
    'nothing else is in that class',
  )
})

t.test('it knows the protocols that have no image of their own', async (t) => {
  for (const [number, name] of [
    [13, 'daytime'],
    [17, 'qotd'],
    [19, 'chargen'],
  ] as const)
    t.equal(identifyProtocol({ number, name }, none)?.protocol.id, 'daytime')
  t.equal(
    identifyProtocol({ number: 4444, name: 'qmp', container: { image: 'tianon/qemu' } }, none)?.protocol.id,
    'qmp',
  )
  const fluentd = { image: 'fluent/fluentd:v1', env: [{ name: 'FLUENTD_SHARED_KEY' }] }
  t.equal(
    identifyProtocol({ number: 24224, name: 'forward', container: fluentd }, none)?.protocol.id,
    'fluentd-forward',
  )
  t.equal(
    identifyProtocol({ number: 24224, name: 'forward', container: { image: 'fluent/fluentd:v1' } }, none),
    undefined,
  )
})

t.test('it says of Galera’s state transfer that nobody waits', async (t) => {
  for (const number of [4568, 4444])
    t.match(identifyProtocol({ number, name: undefined, container: { image: 'mariadb-galera' } }, none)?.protocol, {
      id: 'galera-state-transfer',
      class: 'long-lived',
    })
})

t.test('it is sure of most, and says where it depends on the software or its configuration', async (t) => {
  t.same(
    catalogue
      .filter(({ evidence }) => evidence === 'medium')
      .map(({ id }) => id)
      .toSorted(),
    [
      'aerospike',
      'cyrus-mupdate',
      'daytime',
      'galera-state-transfer',
      'hana',
      'ignite',
      'matrixone',
      'mycat',
      'mysql-x',
      'nsca',
      'openvpn-management',
      'qmp',
      'spice',
      'sphinx-binary',
      'teamspeak-query',
      'telnet',
      'thrift',
      'tor-control',
      'varnish-cli',
    ].toSorted(),
  )
  t.same(
    catalogue.filter(({ evidence }) => evidence === 'low').map(({ id }) => id),
    ['fluentd-forward', 'irc'],
  )
})

t.test('it takes few numbers for enough by themselves', async (t) => {
  t.same(
    catalogue.flatMap(({ numberAlone = [] }) => numberAlone).toSorted((a, b) => a - b),
    [21, 25, 110, 143, 587, 3306, 4222, 5900, 6033, 6222, 15306, 33062],
  )
})

t.test('it has one entry per id, each with a source and with signs', async (t) => {
  t.equal(new Set(catalogue.map(({ id }) => id)).size, catalogue.length)
  for (const { id, source, name, ports, images, portNames, vagueNames, env, numberAlone } of catalogue) {
    t.match(id, /^[a-z][a-z0-9-]*$/)
    t.ok(source.length > 10 && name !== '', id)
    t.ok(
      [images, portNames, vagueNames, env].some((signs) => (signs?.length ?? 0) > 0),
      `${id} can be recognised`,
    )
    for (const port of ports) t.ok(port > 0 && port < 65536, `${id}: ${port}`)
    for (const port of numberAlone ?? []) t.ok(ports.includes(port), `${id}: ${port} is one of its own`)
    for (const text of [...portNames, ...(vagueNames ?? [])]) t.match(text, /^[a-z0-9-]+$/, `${id}: ${text}`)
  }
})

t.test('it calls no port server-first that speaks HTTP, client-first, or TLS at once', async (t) => {
  const listed = new Set(catalogue.filter((one) => one.class === 'server-first').flatMap(({ ports }) => ports))
  // NATS monitoring, Doris' HTTP, TiDB's status, ClickHouse's HTTP and native ports; then implicit TLS; then class C.
  const others = [8222, 8030, 10080, 8123, 9000, 465, 993, 995, 990, 992, 636, 5671, 8883, 6514, 563, 27017, 9092, 6379]
  for (const port of [...others, 5432, 11211, 9042, 33060, 22, 873, 61616]) t.notOk(listed.has(port), String(port))
  t.ok(defaultOpaquePorts.split(',').includes('3306'))
})

// The other classes, protocol by protocol and port by port: what must be opaque is above.
const others: readonly (readonly [ProtocolClass, ...(readonly [id: string, ...ports: number[]])[]])[] = [
  [
    'both-first',
    ['ssh', 22, 2222],
    ['rsync', 873],
    ['mysql-x', 33060],
    ['activemq-openwire', 61616],
    ['ceph-msgr2', 3300],
  ],
  [
    'long-lived',
    ['galera-state-transfer', 4568, 4444],
    ['postgresql', 5432],
    ['postgresql-proxy', 6432, 9999, 26257, 5433],
    ['redis', 6379],
    ['redis-cluster', 26379, 16379],
    ['memcached', 11211],
    ['elasticsearch-transport', 9300],
    ['couchbase-kv', 11210],
  ],
  [
    'client-first',
    ['mongodb', 27017],
    ['kafka', 9092],
    ['zookeeper', 2181, 2888, 3888],
    ['cassandra', 9042, 7000],
    ['amqp', 5672],
    ['mqtt', 1883],
    ['stomp', 61613],
    ['mssql', 1433],
    ['oracle', 1521],
    ['erlang', 4369, 25672],
    ['hazelcast', 5701],
    ['gearman', 4730],
    ['beanstalkd', 11300],
    ['clamd', 3310],
    ['xmpp', 5222],
    ['irc', 6667],
    ['ldap', 389],
    ['pulsar', 6650],
    ['nsq', 4150],
    ['neo4j-bolt', 7687],
    ['aerospike', 3000],
    ['ignite', 10800],
    ['db2', 50000],
    ['hana', 30015, 39915],
    ['jdwp', 5005],
    ['etcd', 2379],
    ['thrift', 9090],
    ['clickhouse-native', 9000],
    ['sphinx-binary', 9312],
    ['guacd', 4822],
    ['tor-control', 9051],
    ['spice', 5930],
  ],
  [
    'implicit-tls',
    ['submissions', 465],
    ['imaps', 993],
    ['pop3s', 995],
    ['ftps', 990],
    ['telnets', 992],
    ['ldaps', 636],
    ['amqps', 5671],
    ['mqtts', 8883],
    ['syslog-tls', 6514],
    ['nntps', 563],
  ],
]

t.test('it knows the protocols that need not be opaque, each with its ports', async (t) => {
  for (const [name, ...entries] of others) {
    t.same(
      entries.map(([id]) => id),
      idsOf(name),
      name,
    )
    for (const [id, ...ports] of entries)
      for (const port of ports) t.ok(catalogue.find((one) => one.id === id)?.ports.includes(port), `${id} uses ${port}`)
  }
})

function idsOf(name: ProtocolClass): string[] {
  return catalogue.filter((protocol) => protocol.class === name).map(({ id }) => id)
}

t.test('it has no image for both sides', async (t) => {
  for (const image of clientFirstImages) {
    const plain = image.replace('*', '')
    for (const { id, images } of catalogue.filter((one) => one.class === 'server-first'))
      t.notOk(images.includes(plain), `${plain} is none of ${id}`)
  }
})
