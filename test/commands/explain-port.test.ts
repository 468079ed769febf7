import { join } from 'node:path'
import t from 'tap'
import { explain } from '../../src/commands/explain.ts'

const namespace = `apiVersion: v1
kind: Namespace
metadata: {name: shop, annotations: {linkerd.io/inject: enabled}}
`
const nats = `apiVersion: v1
kind: Service
metadata: {name: nats, namespace: shop}
spec:
  selector: {app: nats}
  ports:
    - port: 4222
      appProtocol: tcp
    - port: 8222
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: nats, namespace: shop}
spec:
  serviceName: nats
  template:
    metadata: {labels: {app: nats}}
    spec:
      containers:
        - {name: nats, image: nats:2.10, ports: [{containerPort: 4222}, {containerPort: 8222, name: monitor}]}
`
const outside = `apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {type: ExternalName, externalName: db.example, ports: [{port: 3306}]}
`

/** What `explain --port` says of files, with the folder's name cut away. */
async function run(t: Tap, files: Record<string, string>, ...args: readonly string[]) {
  const folder = t.testdir({ manifests: files })
  let stdout = ''
  let stderr = ''
  const status = await explain([...args, join(folder, 'manifests')], {
    stdin: (async function* () {})(),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: {},
    cwd: () => folder,
  })
  return { status, stdout: stdout.replaceAll(join(folder, 'manifests/'), ''), stderr }
}

type Tap = Pick<typeof t, 'testdir'>

t.test('it tells who knows what from which line, and what each way experiences', async (t) => {
  const { status, stdout, stderr } = await run(t, { 'ns.yaml': namespace, 'nats.yaml': nats }, '--port', 'nats:4222')
  t.equal(status, 0)
  t.equal(stderr, '')
  t.equal(
    stdout,
    `Service shop/nats, port 4222

Clients in the mesh know of the Service
  nats.yaml:8  appProtocol: tcp means opaque, as every value that Linkerd does not know
  (nowhere written)  the default list "25,587,3306,4444,5432,6379,9300,11211" does not hold port 4222

StatefulSet shop/nats, port 4222 (NATS, by image, where the server speaks first)
  nats.yaml:17  is in the mesh
  (nowhere written)  no list: nobody takes port 4222 for opaque

P1  a meshed client, by the Service: works at once
P2  a meshed client, by the Pod itself (headless Service, Pod DNS): waits 10 s, then works
P3  a client outside the mesh: closed after 10 s without a byte
P4  to a name outside the cluster: this Service leads to Pods

Derived: it follows from the source of Linkerd, but was not seen on real proxies.
`,
  )
})

t.test('it tells of each kind of traffic where the software is not known', async (t) => {
  const { stdout } = await run(t, { 'ns.yaml': namespace, 'nats.yaml': nats }, '--port', 'shop/nats:8222')
  t.match(
    stdout,
    /P3 {2}a client outside the mesh:\n {6}the server speaks first: closed after 10 s without a byte\n {6}HTTP/,
  )
})

t.test('it says that a panic comes and goes, and how', async (t) => {
  const web = nats.replace('4222\n      appProtocol: tcp', '9300\n      targetPort: 8222\n      appProtocol: http')
  const { stdout } = await run(t, { 'ns.yaml': namespace, 'web.yaml': web }, '--port', 'nats:9300')
  t.match(
    stdout,
    /HTTP, gRPC: broken: the client's proxy panics \(initial policy must be opaque\).*; comes and goes: after some idle seconds it works at once, and after a change or restart it starts anew/,
  )
})

t.test('it tells of a name outside the cluster, by where it leads', async (t) => {
  const { stdout } = await run(t, { 'ns.yaml': namespace, 'db.yaml': outside }, '--port', 'db:3306')
  t.match(stdout, /P4 {2}a meshed client, if the name leads to a private address: works at once \(derived\)\n/)
  t.match(stdout, /P4 {2}.* public address:\n {6}the server speaks first: waits 10 s, then works \(derived\)\n/)
})

t.test('it says what it takes for granted, and what is missing', async (t) => {
  const { status, stdout, stderr } = await run(t, { 'nats.yaml': nats.split('---')[0] ?? '' }, '--port', 'nats:4222')
  t.equal(status, 0)
  t.match(stdout, /No Pod of this Service is in the input/)
  t.match(stderr, /Namespace shop is not in the input; its Pods are taken to be meshed/)
  const unmeshed = await run(t, { 'nats.yaml': nats }, '--port', 'nats:4222', '--assume-unmeshed')
  t.match(unmeshed.stdout, /nats.yaml:17 {2}is not in the mesh/)
})

t.test('it answers programs in JSON', async (t) => {
  const { stdout } = await run(
    t,
    { 'ns.yaml': namespace, 'nats.yaml': nats },
    '--port',
    'nats:4222',
    '--format',
    'json',
  )
  const told = JSON.parse(stdout)
  t.match(told, {
    service: 'shop/nats',
    port: 4222,
    outbound: { kind: 'opaque', because: 'app-protocol', profileOpaque: false },
    servers: [
      { pod: 'StatefulSet shop/nats', port: 4222, protocol: { name: 'NATS', class: 'server-first', by: 'image' } },
    ],
  })
  t.match(told.client[0], { file: 'nats.yaml', line: 8 })
  const p3 = told.servers[0].paths.find((path: { path: string }) => path.path === 'P3')
  t.same(p3.experiences[0], { traffic: 'server-first', experience: { outcome: 'closed', seconds: 10, observed: true } })
})

t.test('it says what to type instead', async (t) => {
  const files = { 'nats.yaml': nats, 'other.yaml': outside.replace('name: db', 'name: nats').replace('shop', 'b') }
  for (const [port, message] of [
    ['nats', /--port takes SERVICE:PORT or NAMESPACE\/SERVICE:PORT, not "nats"/],
    ['nats:70000', /--port takes/],
    ['mysql:3306', /there is no Service mysql in the input; there are shop\/nats, b\/nats/],
    ['nats:4222', /there are several: shop\/nats, b\/nats; name the namespace/],
  ] as const)
    await t.rejects(run(t, files, '--port', port), { name: 'UsageError', message }, port)
  const unreadable = await run(t, { 'bad.yaml': 'a: [', 'nats.yaml': nats }, '--port', 'nats:4222')
  t.equal(unreadable.status, 2)
  t.match(unreadable.stderr, /bad.yaml:1/)
})
