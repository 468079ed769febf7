import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { mend } from '../../src/admission/judge.ts'
import { readReview } from '../../src/admission/review.ts'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'
import { buildApp } from '../../src/server/app.ts'
import { createMetrics } from '../../src/server/metrics.ts'
import { tlsOptions } from '../../src/server/tls.ts'
import { natsService, reviewOf, type WireObject } from '../admission/reviews.ts'
import { apply } from './apply.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { skipWithout } from './kit.ts'
import { legalObject } from './legal-object.ts'
import { court } from './made-rules.ts'
import { leadsToLoopback } from './manifests.ts'
import { startMutating } from './mutating-webhook.ts'
import { until } from './until.ts'

/*
 * What the real API server makes of answers that only a rule made for it, or a webhook that is not ours, would give.
 * MESHGATE_KIT_BIN names a folder with etcd, kube-apiserver and kubectl.
 */

const skip = skipWithout('etcd, kube-apiserver and kubectl')

/** A server on loopback that the API server can be led to. */
interface Server {
  readonly port: number
  readonly ca: string
  /** Paths that were posted to, with the operation. */
  readonly seen: string[]
  close(): Promise<void>
}

async function startMeshgate(): Promise<Server> {
  const pair = makeSelfSigned(['meshgate.shop.svc'], new Date())
  const clock = () => performance.now() / 1000
  const { server } = buildApp({ court, metrics: createMetrics(), clock, tls: tlsOptions(pair) })
  const seen: string[] = []
  server.addHook('preHandler', (request, _reply, done) => {
    const { request: asked } = request.body as { request: { operation: string } }
    seen.push(`${request.url.split('?')[0]} ${asked.operation}`)
    done()
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.server.address() as AddressInfo
  return { port, ca: pair.ca, seen, close: () => server.close() }
}

/** A mutating webhook of somebody else, that always answers with this patch. */
async function startPatcher(patchOf: (object: WireObject) => readonly object[]): Promise<Server> {
  const pair = makeSelfSigned(['meshgate.shop.svc'], new Date())
  const seen: string[] = []
  const webhook = await startMutating(pair, (object, { path, operation }) => {
    seen.push(`${path} ${operation}`)
    return patchOf(object as WireObject)
  })
  return { port: webhook.port, ca: pair.ca, seen, close: () => webhook.kill() }
}

interface Hook {
  readonly name: string
  readonly mutating: boolean
  readonly server: Server
  readonly path: string
  readonly failurePolicy: 'Fail' | 'Ignore'
}

/** Makes these the only webhooks there are, and waits until all are asked. */
async function register(cluster: Cluster, hooks: readonly Hook[]): Promise<void> {
  await cluster.kubectl(['delete', 'validatingwebhookconfiguration,mutatingwebhookconfiguration', '--all'])
  const items = hooks.map(({ name, mutating, server, path, failurePolicy }) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: mutating ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: `${name}.meshgate.dev`,
        clientConfig: {
          service: { name: 'meshgate', namespace: 'shop', path, port: server.port },
          caBundle: Buffer.from(server.ca).toString('base64'),
        },
        rules: [
          {
            apiGroups: ['', 'networking.k8s.io'],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE', 'DELETE'],
            resources: ['services', 'pods', 'networkpolicies'],
            scope: 'Namespaced',
          },
        ],
        // The Service that leads to the webhooks is not theirs to judge.
        objectSelector: { matchExpressions: [{ key: 'leads-to-webhooks', operator: 'DoesNotExist' }] },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        failurePolicy,
        timeoutSeconds: 10,
        ...(mutating ? { reinvocationPolicy: 'IfNeeded' } : {}),
      },
    ],
  }))
  await apply(cluster, ...items)
  await until('the webhooks', async () => {
    for (const { server } of hooks) server.seen.length = 0
    const probe = { ...natsService({ name: 'probe' }) }
    await cluster.request('POST', '/api/v1/namespaces/shop/services?dryRun=All', JSON.stringify(probe))
    return hooks.every(({ server, path }) => server.seen.includes(`${path} CREATE`))
  })
  for (const { server } of hooks) server.seen.length = 0
}

const leader = leadsToLoopback('shop', 'meshgate', { labels: { 'leads-to-webhooks': '' } })

const plain = (name: string, annotations: Readonly<Record<string, string>>) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'shop', annotations },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }] },
})

const list = '25,587,3306,4444,5432,6379,9300,11211'

t.test('the contract with a real API server', { skip, timeout: 300_000 }, async (t) => {
  const cluster = await startCluster()
  const meshgate = await startMeshgate()
  t.teardown(async () => {
    await meshgate.close()
    await cluster.stop()
  })
  const create = (object: object, ...args: string[]) =>
    cluster.kubectl(['create', ...args, '-f', '-'], JSON.stringify(object))
  t.equal((await cluster.kubectl(['create', 'namespace', 'shop'])).status, 0)
  t.equal((await cluster.kubectl(['create', 'serviceaccount', 'default', '-n', 'shop'])).status, 0)
  t.equal((await create(leader)).status, 0)

  const validating = (failurePolicy: 'Fail' | 'Ignore'): Hook => ({
    name: 'validate',
    mutating: false,
    server: meshgate,
    path: '/validate',
    failurePolicy,
  })
  const mutating: Hook = { name: 'a-mutate', mutating: true, server: meshgate, path: '/mutate', failurePolicy: 'Fail' }

  await t.test('it lets no warning get lost, and shows a denial line by line', async (t) => {
    await register(cluster, [validating('Fail')])
    const many = await create(plain('loud', { 'test/loud': '50' }))
    const warnings = many.stderr.trimEnd().split('\n')
    t.equal(many.status, 0)
    t.equal(warnings.length, 5)
    t.equal(
      warnings[0],
      'Warning: [service-loud] 0 line one line two �[31mred� � 😀 line one line two �[31mred� � 😀 line one line two �[31mred� � 😀 line…',
    )
    t.equal(warnings[4], 'Warning: 46 more findings; run meshgate check on the manifest to see them all')

    const denied = await create(plain('wrong', { 'test/wrong': '', 'test/loud': '1' }))
    t.equal(denied.status, 1)
    t.equal(
      denied.stderr,
      `${warnings[0]}\n` +
        'Error from server (Forbidden): error when creating "STDIN": admission webhook "validate.meshgate.dev" denied the request: ' +
        '[service-wrong] Service shop/wrong at spec.ports[0]: line one line two �[31mred� � 😀 \n' +
        '[service-wrong] at spec.ports[0].port: and so on\n' +
        'read more: meshgate explain service-wrong\n',
    )
  })

  const failOpen = async () => {
    const { body } = await cluster.request('GET', '/metrics')
    const line =
      /^apiserver_admission_webhook_fail_open_count\{name="validate\.meshgate\.dev",type="validating"\} (\d+)$/m
    return Number(line.exec(body)?.[1] ?? 0)
  }

  await t.test('it leaves its own faults to failurePolicy, where they are seen', async (t) => {
    await register(cluster, [validating('Fail')])
    const refused = await create(plain('fault', { 'test/break': '' }))
    t.equal(refused.status, 1)
    t.equal(
      refused.stderr,
      'Error from server (InternalError): error when creating "STDIN": Internal error occurred: failed calling webhook "validate.meshgate.dev": ' +
        'failed to call webhook: an error on the server ("rule service-breaks failed; see the log of meshgate") has prevented the request from succeeding\n',
    )
    t.equal(await failOpen(), 0)

    await register(cluster, [validating('Ignore')])
    const before = await failOpen()
    t.same(await create(plain('fault', { 'test/break': '' })), {
      status: 0,
      stdout: 'service/fault created\n',
      stderr: '',
    })
    t.equal(await failOpen(), before + 1)
    const event = cluster
      .audit()
      .split('\n')
      .findLast((line) => line.includes('"verb":"create"') && line.includes('"name":"fault"'))
    t.match(event, /"failed-open\.validating\.webhook\.admission\.k8s\.io\/round_0_index_0":"validate\.meshgate\.dev"/)
  })

  await t.test('it leaves names of rules in the audit log', async (t) => {
    await register(cluster, [validating('Fail')])
    t.equal((await create(plain('audited', { 'test/loud': '2' }))).status, 0)
    t.match(cluster.audit(), /"validate\.meshgate\.dev\/warn":"service-loud"/)
  })

  await t.test('it patches nothing on DELETE, and no mirror Pod', async (t) => {
    await register(cluster, [mutating])
    t.equal((await create(natsService())).status, 0)
    const deleted = await cluster.kubectl(['delete', 'service', 'nats', '-n', 'shop'])
    t.same(deleted, { status: 0, stdout: 'service "nats" deleted from shop namespace\n', stderr: '' })
    t.ok(meshgate.seen.includes('/mutate DELETE'))

    const pod = (name: string, annotations: object) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'shop', annotations },
      spec: { nodeName: 'n', containers: [{ name: 'web', image: 'example/web' }] },
    })
    t.equal((await create(pod('mirror', { 'kubernetes.io/config.mirror': 'x' }))).status, 0)
    t.equal((await create(pod('ordinary', {}))).status, 0)
    const labels = await cluster.kubectl(['get', 'pods', '-n', 'shop', '-o', 'jsonpath={.items[*].metadata.labels}'])
    t.equal(labels.stdout, '{"marked":"yes"}', 'only the ordinary one is marked')
  })

  await t.test('it is asked again after another webhook, and mends what that one added', async (t) => {
    // It adds a port once, as a sidecar injector for Services would.
    const patcher = await startPatcher((object) => {
      const ports = (object['spec'] as { ports: readonly { port: number }[] }).ports
      const port = { name: 'nats-cluster', port: 6222, protocol: 'TCP', targetPort: 6222 }
      return ports.some((one) => one.port === 6222) ? [] : [{ op: 'add', path: '/spec/ports/-', value: port }]
    })
    const other: Hook = { name: 'b-other', mutating: true, server: patcher, path: '/other', failurePolicy: 'Fail' }
    await register(cluster, [mutating, other, validating('Fail')])
    t.same(await create(natsService({ name: 'twice' })), {
      status: 0,
      stdout: 'service/twice created\n',
      stderr: '',
    })
    t.equal(meshgate.seen.filter((call) => call === '/mutate CREATE').length, 2, 'it is asked twice')
    const { stdout } = await cluster.kubectl(['get', 'service', 'twice', '-n', 'shop', '-o', 'json'])
    const stored = JSON.parse(stdout)
    t.equal(stored.metadata.annotations['config.linkerd.io/opaque-ports'], `${list},4222,6222`)
    await register(cluster, [mutating])
    await patcher.close()
  })

  await t.test('it would not be saved by failurePolicy from a patch that does not apply', async (t) => {
    // Not ours: the property test holds that ours always apply. This is why they must.
    const patcher = await startPatcher(() => [{ op: 'remove', path: '/metadata/labels/missing' }])
    const hook: Hook = { name: 'b-bad', mutating: true, server: patcher, path: '/bad', failurePolicy: 'Ignore' }
    await register(cluster, [hook])
    const { status, stderr } = await create(plain('unlucky', {}))
    t.equal(status, 1)
    t.match(stderr, /^Error from server \(InternalError\): error when creating "STDIN": Internal error occurred: /)
    t.match(stderr, /missing/)
    await register(cluster, [mutating])
    await patcher.close()
  })

  await t.test('it makes patches that the API server applies, and none the second time', async (t) => {
    await register(cluster, [mutating])
    let patched = 0
    const objects = fc.sample(legalObject, { numRuns: 150, seed: 9 })
    for (const object of objects) {
      const collection = object.kind === 'Service' ? 'api/v1/namespaces/shop/services' : policies
      const { status, body } = await cluster.request('POST', `/${collection}?dryRun=All`, JSON.stringify(object))
      t.equal(status, 201, body.slice(0, 300))
      const stored = JSON.parse(body)
      const read = readReview(reviewOf(stored))
      if ('reason' in read) throw new Error(read.reason)
      t.same(mend(read.review, court).edits, [])
      const sent = readReview(reviewOf(object))
      if ('review' in sent && mend(sent.review, court).edits.length > 0) patched++
    }
    t.comment(`${objects.length} objects by dry run, ${patched} patched`)
    t.ok(patched > 30)
  })

  await t.test('it leaves a number alone that JavaScript cannot carry', async (t) => {
    await register(cluster, [mutating])
    const text = JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'patient', namespace: 'shop', annotations: { 'example.dev/a_b': '~1' } },
      spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'web', image: 'example/web' }] },
    }).replace('PeriodSeconds":1', 'PeriodSeconds":9007199254740993')
    const { status, body } = await cluster.request('POST', '/api/v1/namespaces/shop/pods', text)
    t.equal(status, 201, body.slice(0, 300))
    t.match(body, /"terminationGracePeriodSeconds":9007199254740993\b/)
    t.match(body, /"labels":\{"marked":"yes"\}/)
  })
})

const policies = 'apis/networking.k8s.io/v1/namespaces/shop/networkpolicies'
