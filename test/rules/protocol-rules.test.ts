import t from 'tap'
import { fixtures, judgeFixture, loadFixture } from './fixture.ts'

const list = 'config.linkerd.io/opaque-ports'
const panics =
  'The proxies of its clients panic, so that connections break after each change or restart, heal after a pause, and break again'

// Rule, fixture, and how each finding begins (what to type comes first), with its severity.
const texts: readonly (readonly [
  rule: string,
  fixture: string,
  ...findings: (readonly [severity: string, text: string])[],
])[] = [
  [
    'app-protocol-treated-as-opaque',
    'listed-as-well',
    [
      'warning',
      `port 50051: appProtocol h2c means opaque TCP to Linkerd, so that clients lose balancing by request, metrics, retries and routes; set appProtocol: kubernetes.io/h2c together with a list in ${list} that leaves the port out, or none`,
    ],
  ],
  [
    'named-target-port-loses-opaque',
    'edge-13306-to-name',
    [
      'error',
      `port 13306 (MySQL) is not opaque: set ${list}: "25,587,3306,4444,5432,6379,9300,11211,13306". It leads to container port 3306 by the name "mysql"`,
    ],
  ],
  [
    'named-target-port-loses-opaque',
    'redis-behind-a-name',
    [
      'info',
      `port 16379 is not opaque: set ${list}: "25,587,3306,4444,5432,6379,9300,11211,16379". It leads to container port 6379`,
    ],
  ],
  [
    'opaque-port-declared-http',
    'default-list',
    ['error', `port 9300 is declared http, and is opaque by the default list: set ${list}: "5432". ${panics}`],
  ],
  [
    'opaque-port-declared-http',
    'own-list',
    [
      'error',
      `port 80 is declared kubernetes.io/h2c, and is opaque by its own list "80-90": set a list without it, or no appProtocol. ${panics}`,
    ],
  ],
  [
    'opaque-port-declared-http',
    'grpc-route-and-a-list-of-names',
    [
      'error',
      'port 80 has GRPCRoute shop/web, and is opaque by its own list "web" for one of the two controllers: write numbers, without 80. The',
    ],
  ],
  ['opaque-port-declared-http', 'mesh-unknown', ['info', 'port 4444 is declared http']],
  [
    'server-protocol-conflicts-opaque-port',
    'grpc-and-server-grpc',
    [
      'error',
      'port 50051: appProtocol grpc means opaque to Linkerd, and Server web (gRPC) denies every connection of clients in the mesh; set appProtocol: kubernetes.io/h2c, or none',
    ],
  ],
  [
    'server-protocol-conflicts-opaque-port',
    'websocket-and-server-http',
    [
      'error',
      'port 80: appProtocol ws means opaque to Linkerd, and Server web (HTTP/1) denies every connection of clients in the mesh; set appProtocol: http, or none',
    ],
  ],
  [
    'server-protocol-conflicts-opaque-port',
    'list-of-the-service',
    [
      'error',
      'port 8080 of Deployment shop/web is opaque for clients in the mesh by the list "80" of Service shop/web, and HTTP/2 denies every connection of theirs: take the port off that list, or set proxyProtocol: opaque',
    ],
  ],
  [
    'server-protocol-conflicts-opaque-port',
    'default-list',
    [
      'error',
      'port 9300 of Deployment shop/web is opaque for clients in the mesh by the list "9300", and HTTP/1 denies',
    ],
  ],
  [
    'server-reverts-opaque-port',
    'anyone-is-let-in',
    [
      'error',
      'port 4222 of Deployment shop/nats (NATS) is not opaque: set proxyProtocol: opaque, instead of unknown, which overrules the Pod. The server speaks first: clients outside the mesh are closed after 10 s without a byte',
    ],
  ],
  [
    'server-reverts-opaque-port',
    'server-unknown-undoes-annotation',
    [
      'warning',
      'port 4222 of Deployment shop/nats (NATS) is not opaque: set proxyProtocol: opaque, instead of unknown,',
    ],
  ],
  [
    'server-reverts-opaque-port',
    'only-the-mesh-is-let-in',
    [
      'info',
      'port 4222 of Deployment shop/nats (NATS) is not opaque: set proxyProtocol: opaque, instead of TLS, which overrules the Pod. The server speaks first: meshed clients that dial the Pod itself (headless, Pod DNS) wait 10 s, clients outside the mesh, should they be let in, are closed',
    ],
  ],
  ['server-reverts-opaque-port', 'dialled-by-the-mesh', ['error', 'port 4222 of Deployment shop/nats (NATS) is not']],
  [
    'server-reverts-opaque-port',
    'listed-software-unknown',
    ['warning', 'port 9999 of Deployment shop/app is no longer opaque: set proxyProtocol: opaque, instead of unknown,'],
  ],
  [
    'server-speaks-first-unmeshed-client-dropped',
    'nats-a-app-protocol-cluster-ip',
    [
      'warning',
      `container port 4222 (NATS) is not opaque for the proxy beside the server: set ${list}: "4222" on the Pod template. The server speaks first: clients outside the mesh are closed after 10 s without a byte`,
    ],
  ],
  [
    'server-speaks-first-unmeshed-client-dropped',
    'mysql-undeclared-container-port',
    [
      'warning',
      `container port 3306 (MySQL) is not declared: declare it, or set ${list}: "3306" on the Pod template. `,
    ],
  ],
  [
    'server-speaks-first-unmeshed-client-dropped',
    'galera-skip-list-replaced',
    [
      'error',
      `container port 4567 (Galera replication) is not opaque for the proxy beside the server: set ${list}: "4567" on the Pod template. The server speaks first: clients, which bypass their proxy here by default, are closed`,
    ],
  ],
  [
    'server-speaks-first-unmeshed-client-dropped',
    'default-policy-keeps-them-out',
    ['info', 'container port 4222 (NATS) is not opaque for the proxy beside the server'],
  ],
  [
    'server-speaks-first-unmeshed-client-dropped',
    'admitted-pod-without-list',
    [
      'warning',
      `container port 3306 (MySQL) is not opaque for the proxy beside the server: set ${list}: "3306" on the Pod. `,
    ],
  ],
  [
    'server-speaks-first-unmeshed-client-dropped',
    'mesh-unknown',
    ['info', 'container port 4222 (NATS) is not opaque for the proxy beside the server'],
  ],
]

t.test('it says what to type, what happens, and how sure it is', async (t) => {
  const all = fixtures()
  for (const [rule, name, ...expected] of texts) {
    const fixture = all.find((one) => one.rule === rule && one.name === name)
    if (!fixture) throw new Error(`no fixture ${rule}/${name}`)
    const findings = judgeFixture(fixture, loadFixture(fixture))
    t.same(
      findings.map(({ severity, text }, i) => [severity, text.slice(0, expected[i]?.[1].length)]),
      expected,
      `${rule}/${name}`,
    )
  }
})
