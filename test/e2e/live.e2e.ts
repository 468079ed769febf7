import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { rules } from '../../src/rules/index.ts'
import { reviewOf, type WireObject } from '../admission/reviews.ts'
import { type Answer, startCluster, until } from './cluster.ts'
import { startFaultProxy } from './fault-proxy.ts'
import { account, names, registration, serverCrd, tlsName } from './installation.ts'
import { type LiveWebhook, startLive } from './live-webhook.ts'
import { deployment, namespace, nats, opaque, pod, policy, silentInjector } from './manifests.ts'
import { startInjector } from './stand-in-injector.ts'

/*
 * meshgate in a running cluster: registered by exactly the generated rules, conditions and selectors, following the cluster
 * under its own ServiceAccount with exactly the generated rights. Real etcd, kube-apiserver, controllers and kubectl.
 */

const bin = process.env['MESHGATE_KIT_BIN']
const skip =
  bin === undefined ? 'set MESHGATE_KIT_BIN to a folder with etcd, kube-apiserver, controllers and kubectl' : false

const omits = 'network-policy-omits-proxy-port'
const notInjected = 'pod-not-injected'
const speaksFirst = 'server-speaks-first-port-not-opaque'

/** What is not said here is a warning. */
const config = (enforcements: Readonly<Record<string, string>> = {}, more = '') =>
  `rules:\n${rules.map(({ id }) => `  ${id}: {enforcement: ${enforcements[id] ?? 'warn'}}\n`).join('')}${more}`
const denying = config(Object.fromEntries(rules.map(({ id }) => [id, 'deny'])))

type Tap = Pick<typeof t, 'equal' | 'match' | 'same' | 'notMatch' | 'ok'>

t.test('meshgate in a running cluster', { skip, timeout: 300_000 }, async (t) => {
  const clock = { now: Date.parse('2026-12-01') }
  const cluster = await startCluster(bin ?? '', [], { withControllers: true })
  const running: LiveWebhook[] = []
  t.teardown(async () => {
    for (const one of running) await one.stop()
    await cluster.stop()
  })
  const kubectl = (args: readonly string[], input?: string) => cluster.kubectl(args, input)
  const list = (...items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
  const apply = (items: object[], ...args: string[]) => kubectl(['apply', ...args, '-f', '-'], list(...items))
  const create = (object: object, ...args: string[]) => kubectl(['create', ...args, '-f', '-'], JSON.stringify(object))
  const prepare = async (...items: object[]) => {
    const { status, stderr } = await apply(items)
    if (status !== 0) throw new Error(stderr)
  }
  const accepts = (t: Tap, answer: Answer, stderr: string | RegExp = '') => {
    if (typeof stderr === 'string') t.equal(answer.stderr, stderr, 'says so')
    else t.match(answer.stderr, stderr, 'says so')
    t.equal(answer.status, 0, 'accepts')
  }
  const rejects = (t: Tap, answer: Answer, stderr: RegExp) => {
    t.match(answer.stderr, stderr, 'says why')
    t.equal(answer.status, 1, 'rejects')
  }
  /** A namespace in which Pods can be created. */
  const open = async (name: string, annotations?: object) => {
    await prepare(namespace(name, annotations))
    await until(
      `the ServiceAccount of ${name}`,
      () => true,
      async () => (await cluster.request('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`)).status === 200,
    )
  }

  await prepare(
    ...['meshgate', 'linkerd', 'cert-manager'].map((name) => namespace(name, {})),
    serverCrd,
    silentInjector,
  )
  await prepare(...account('meshgate'))
  const webhook = await startLive(cluster, { config: denying, now: () => clock.now })
  running.push(webhook)
  await until(
    'the snapshot',
    () => true,
    async () => (await webhook.get('/readyz')).status === 200,
  )
  await prepare(...registration(webhook.port, webhook.ca))
  await open('shop')
  await prepare(deployment('shop', 'web'), deployment('shop', 'api'))
  await until(
    'the webhook',
    () => true,
    async () => /denied the request/.test((await create(policy('shop', 'probe'), '--dry-run=server')).stderr),
  )
  /** Waits until the webhook has heard of as many objects of each kind as there are. */
  const settled = () =>
    until(
      'the snapshot',
      () => true,
      async () => {
        for (const [kind, path] of [
          ['Namespace', '/api/v1/namespaces'],
          ['Deployment', '/apis/apps/v1/deployments'],
          ['NetworkPolicy', '/apis/networking.k8s.io/v1/networkpolicies'],
          ['Service', '/api/v1/services'],
        ] as const) {
          const { items } = JSON.parse((await cluster.request('GET', path)).body)
          if ((await webhook.metric('meshgate_snapshot_objects', `"${kind}"`)) !== items.length) return false
        }
        return true
      },
    )

  await t.test('it follows the cluster with exactly the rights it has', async (t) => {
    const { body } = await webhook.get('/readyz?verbose')
    t.equal(body, `snapshot: cluster\nrules: ${rules.length}\nok\n`)
    const as = ['--as', 'system:serviceaccount:meshgate:meshgate']
    for (const what of [
      ['get', 'secrets', '-A'],
      ['get', 'secrets', '-n', 'meshgate'],
      ['get', 'configmaps', '-A'],
    ])
      t.match((await kubectl([...what, ...as])).stderr, /Forbidden.* cannot list/, what.join(' '))
    for (const verb of ['create', 'update', 'patch', 'delete'])
      t.equal((await kubectl(['auth', 'can-i', verb, 'networkpolicies', '-A', ...as])).stdout, 'no\n', verb)
  })

  await t.test('it is not asked about what it must not stand in the way of', async (t) => {
    const reviews = () => webhook.metric('meshgate_reviews_total')
    await settled()
    const before = await reviews()
    await cluster.request('POST', '/api/v1/namespaces/cert-manager/serviceaccounts', '{"metadata":{"name":"default"}}')
    for (const name of ['kube-system', 'cert-manager', 'linkerd', 'meshgate']) {
      accepts(t, await create(policy(name, 'bad')))
      accepts(t, await create(pod(name, 'bad', { annotations: { 'linkerd.io/inject': 'enabled' } })))
      accepts(t, await create(nats(name)))
      accepts(t, await kubectl(['annotate', 'namespace', name, 'example.dev/touched=yes']))
      accepts(
        t,
        await kubectl(['delete', 'service/nats', 'networkpolicy/bad', 'pod/bad', '--force', '-n', name]),
        /^$|Warning: Immediate deletion/,
      )
    }
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'lock', namespace: 'shop' } }
    accepts(t, await create(lease))
    accepts(t, await create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } }))
    t.equal(await reviews(), before, 'no review reached it')
    accepts(t, await create(nats('shop', opaque)))
    t.equal((await reviews()) - before, 2, 'and one does: from each of its configurations')
    accepts(t, await kubectl(['delete', 'service', 'nats', '-n', 'shop']))
  })

  await t.test('it tells the author of a Deployment what it does to policies that are there', async (t) => {
    await webhook.configure(config({ [omits]: 'deny' }))
    await open('isolated')
    const feared = /^Warning: \[network-policy-omits-proxy-port\] TCP 4143 is missing beside 8080: pods with app=web in/
    accepts(t, await create(policy('isolated', 'api')), feared)
    await prepare(deployment('isolated', 'web'))
    await settled()
    const answer = await create(deployment('isolated', 'api', 1))
    accepts(t, answer, /^Warning: \[network-policy-omits-proxy-port\] NetworkPolicy isolated\/api: TCP 4143 is missing/)
    await until(
      'its Pod',
      () => true,
      async () => /"app":"api"/.test((await cluster.request('GET', '/api/v1/namespaces/isolated/pods')).body),
    )
    t.match(cluster.audit(), /"workload\.validate\.meshgate\.dev\/elsewhere":"network-policy-omits-proxy-port"/)
  })

  await t.test('it tells who meshes a namespace what that does to its policies', async (t) => {
    await open('later', {})
    accepts(t, await apply([deployment('later', 'web'), deployment('later', 'api'), policy('later', 'api')]))
    await settled()
    const answer = await kubectl(['annotate', 'namespace', 'later', 'linkerd.io/inject=enabled'])
    accepts(t, answer, /^Warning: \[network-policy-omits-proxy-port\] NetworkPolicy later\/api: TCP 4143 is missing/)
  })

  await t.test('it tells who meshes a namespace what that does to policies of others that mean it', async (t) => {
    await open('guests', {})
    const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': 'guests' } }
    const guests = policy('later', 'guests')
    const ingress = [{ from: [{ namespaceSelector }], ports: [{ port: 8080 }] }]
    const spec = { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress'], ingress }
    accepts(t, await apply([deployment('guests', 'web'), { ...guests, spec }]))
    await settled()
    const answer = await kubectl(['annotate', 'namespace', 'guests', 'linkerd.io/inject=enabled'])
    accepts(t, answer, /^Warning: \[network-policy-omits-proxy-port\] NetworkPolicy later\/guests: TCP 4143 is missing/)
    accepts(t, await kubectl(['annotate', 'namespace', 'guests', 'example.dev/touched=yes']), /^$/)
  })

  await t.test('it tells who deletes a policy what it granted others, and lets it go', async (t) => {
    accepts(t, await apply([policy('shop', 'grants', [4143]), policy('shop', 'api')]))
    await settled()
    const answer = await kubectl(['delete', 'networkpolicy', 'grants', '-n', 'shop'])
    accepts(t, answer, /^Warning: \[network-policy-omits-proxy-port\] NetworkPolicy shop\/api: TCP 4143 is missing/)
    t.match((await kubectl(['get', 'networkpolicy', 'grants', '-n', 'shop'])).stderr, /NotFound/)
  })

  await t.test('it only warns of what was there, and denies what is new', async (t) => {
    // Without its sibling, shop/api is wrong now.
    accepts(t, await kubectl(['label', 'networkpolicy', 'api', '-n', 'shop', 'team=a']), /^Warning: \[network-policy/)
    rejects(
      t,
      await apply([policy('shop', 'api', [8080, 9090])], '--server-side', '--force-conflicts'),
      /denied the request/,
    )
    rejects(t, await create(policy('shop', 'another')), /denied the request: \[network-policy-omits-proxy-port\]/)
    accepts(t, await apply([policy('shop', 'api', [8080, 4143])], '--server-side', '--force-conflicts'))
    accepts(t, await kubectl(['delete', 'networkpolicy', 'api', '-n', 'shop']))
  })

  await t.test('it denies a Service its annotation’s removal', async (t) => {
    await webhook.configure(denying)
    accepts(t, await create(nats('shop', opaque)))
    const remove = ['annotate', 'service', 'nats', '-n', 'shop', 'config.linkerd.io/opaque-ports-']
    rejects(t, await kubectl(remove), /\[server-speaks-first-port-not-opaque\] Service shop\/nats at spec.ports\[0\]/)
    await webhook.configure(config())
    accepts(t, await kubectl(remove), /^Warning: \[server-speaks-first-port-not-opaque\] port 4222 \(nats\) is not/i)
    accepts(t, await kubectl(['delete', 'service', 'nats', '-n', 'shop']))
  })

  await t.test('it lets be what is exempt, until that ends', async (t) => {
    const exempt = `exemptions: [{rule: ${omits}, namespace: shop, name: legacy-*, reason: until the move, owner: team-a, expires: 2027-01-31}]`
    await webhook.configure(config({ [omits]: 'deny' }, exempt))
    const ask = (name: string) => create(policy('shop', name), '--dry-run=server')
    accepts(t, await ask('legacy-api'))
    rejects(t, await ask('api-2'), /denied the request/)
    clock.now = Date.parse('2027-01-20')
    accepts(
      t,
      await ask('legacy-api'),
      `Warning: exemption ends on 2027-01-31 (owner team-a): ${omits} for shop/legacy-*\n`,
    )
    clock.now = Date.parse('2027-02-01')
    rejects(t, await ask('legacy-api'), /not exempt: the exemption expired on 2027-01-31 \(owner team-a\)/)
    clock.now = Date.parse('2026-12-01')
  })

  await t.test('it obeys a new configuration, and keeps the last good one', async (t) => {
    const ask = () => create(policy('shop', 'bad'), '--dry-run=server')
    await webhook.configure(config({ [omits]: 'deny' }))
    rejects(t, await ask(), /denied the request/)
    await webhook.configure(config({ [omits]: 'warn' }))
    accepts(t, await ask(), /^Warning: \[network-policy/)
    await webhook.configure(config({ [omits]: 'denny' }))
    accepts(t, await ask(), /^Warning: \[network-policy/)
    t.ok((await webhook.metric('meshgate_config_reload_total', 'invalid')) >= 1)
    t.match(webhook.log.at(-1), /meshgate\.yaml:\d+:\d+: .*did you mean deny.*last good configuration stays/)
    await webhook.configure(config({ [omits]: 'deny' }, 'ceiling: audit'))
    accepts(t, await ask())
  })

  await t.test('it lets an annotation lift a warning, and a denial only where it may', async (t) => {
    const excused = policy('shop', 'excused', [8080], { annotations: { [`suppress.meshgate.dev/${omits}`]: 'legacy' } })
    await webhook.configure(config())
    accepts(t, await create(excused, '--dry-run=server'))
    await webhook.configure(config({ [omits]: 'deny' }))
    rejects(t, await create(excused, '--dry-run=server'), /not suppressed: an annotation may not lift a denial here/)
    await webhook.configure(config({ [omits]: 'deny' }, 'suppressDenials: true'))
    accepts(t, await create(excused, '--dry-run=server'))
  })

  await t.test('it judges a dry run, and counts no finding', async (t) => {
    await webhook.configure(denying)
    const found = () => webhook.metric('meshgate_findings_total', omits)
    const before = await found()
    rejects(t, await create(policy('shop', 'bad'), '--dry-run=server'), /denied the request/)
    t.equal(await found(), before)
    rejects(t, await create(policy('shop', 'bad')), /denied the request/)
    t.equal(await found(), before + 1)
  })

  await t.test('it denies Pods that come without their proxy, where their owner can read it', async (t) => {
    await open('uninjected')
    accepts(t, await apply([deployment('uninjected', 'web', 1)]))
    await prepare({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'owner', namespace: 'uninjected' },
      subjects: [{ kind: 'User', name: 'owner' }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    })
    let events = ''
    await until(
      'the event',
      () => true,
      async () => {
        const columns = '-o=jsonpath={range .items[*]}{.reason} {.involvedObject.kind} {.message}{"\\n"}{end}'
        events = (await kubectl(['get', 'events', '-n', 'uninjected', '--as=owner', columns])).stdout
        return /FailedCreate/.test(events)
      },
    )
    t.match(
      events,
      /FailedCreate ReplicaSet Error creating: admission webhook "workload\.validate\.meshgate\.dev" denied the request: \[pod-not-injected\] Pod uninjected\/web-\w+-\w+ at metadata: No Linkerd proxy: the injector's Service linkerd\/linkerd-proxy-injector does not exist\. Pod uninjected\/web-\w+-\w+ of ReplicaSet web-\w+ would run outside/,
    )
    const { items } = JSON.parse((await cluster.request('GET', '/api/v1/namespaces/uninjected/pods')).body)
    t.same(items, [])
    await kubectl(['delete', 'deployment', 'web', '-n', 'uninjected'])
  })

  await t.test('it mends what it is told to, once, before Linkerd’s injector', async (t) => {
    await open('mended')
    const injector = await startInjector('mended')
    t.teardown(async () => {
      await injector.stop()
      await prepare(silentInjector)
    })
    await prepare(...injector.registration)
    const listed = await kubectl(['get', 'mutatingwebhookconfigurations', '-o=jsonpath={.items[*].metadata.name}'])
    t.equal(listed.stdout, `${names.mutating} linkerd-proxy-injector-webhook-config`)

    await webhook.configure(config())
    accepts(t, await create(nats('mended'), '--dry-run=server'), /^Warning: \[server-speaks-first/)
    await webhook.configure(
      `rules: {${speaksFirst}: {enforcement: deny, fix: true}, server-speaks-first-unmeshed-client-dropped: {fix: true}, ${notInjected}: {enforcement: deny}}`,
    )
    accepts(t, await create(nats('mended')))
    const annotations = async (what: string) =>
      JSON.parse((await kubectl(['get', what, '-n', 'mended', '-o=jsonpath={.metadata.annotations}'])).stdout)
    t.same(await annotations('service/nats'), opaque)
    const patched = () => webhook.metric('meshgate_reviews_total', 'patched')
    const before = await patched()
    accepts(t, await kubectl(['label', 'service', 'nats', '-n', 'mended', 'a=b']))
    t.equal(await patched(), before, 'it is mended already')

    const server = pod('mended', 'nats', { labels: { app: 'nats' } })
    const spec = { containers: [{ name: 'nats', image: 'nats:2', ports: [{ name: 'nats', containerPort: 4222 }] }] }
    const mutations = () => webhook.metric('meshgate_reviews_total', 'path="/mutate"')
    const asked = await mutations()
    await until(
      'the injector',
      () => true,
      async () => {
        const tried = await create({ ...server, spec }, '--dry-run=server', '-o=json')
        return tried.status === 0 && /linkerd-proxy/.test(tried.stdout)
      },
    )
    const added = { 'config.linkerd.io/opaque-ports': '4222' }
    const [seen, again, changed] = [injector.seen.length, await mutations(), await patched()]
    t.ok(again > asked)
    accepts(t, await create({ ...server, spec }))
    t.match(injector.seen[seen]?.metadata.annotations, added, 'the injector sees what we added')
    t.equal((await mutations()) - again, 2, 'and we are asked again after it')
    t.match(await annotations('pod/nats'), added)
    t.equal(await patched(), changed + 1, 'the second time nothing is left to do')
    accepts(
      t,
      await kubectl(['delete', 'service/nats', 'pod/nats', '-n', 'mended', '--force']),
      /^$|Immediate deletion/,
    )
  })

  await t.test('it judges by what the cluster says of its Linkerd', async (t) => {
    await webhook.configure(denying)
    const ask = async () => (await create(policy('shop', 'bad'), '--dry-run=server')).stderr
    t.match(await ask(), /TCP 4143 is missing/)
    const values = (text: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'linkerd-config', namespace: 'linkerd' },
      data: {
        values: `linkerdVersion: edge-26.8.3\nproxy: {outboundTransportMode: transport-header, ports: {inbound: 5143}}\n${text}`,
      },
    })
    await prepare(values(''))
    await until(
      'the inbound port',
      () => true,
      async () => /TCP 5143 is missing/.test(await ask()),
    )
    const destination = (...args: string[]) => {
      const matchLabels = { app: 'linkerd-destination' }
      const containers = [{ name: 'destination', image: 'example/controller', args }]
      const template = { metadata: { labels: matchLabels }, spec: { containers } }
      const spec = { replicas: 0, selector: { matchLabels }, template }
      return { ...deployment('linkerd', 'linkerd-destination'), spec }
    }
    await prepare(destination('destination', '-outbound-transport-mode=transparent'))
    await until(
      'the transport mode: a connection arrives on its own port',
      () => true,
      async () => (await ask()) === '',
    )
    await prepare(destination('destination', '-outbound-transport-mode=transport-header'))
    await until(
      'the transport mode',
      () => true,
      async () => /TCP 5143 is missing/.test(await ask()),
    )
    await kubectl(['delete', 'configmap/linkerd-config', 'deployment/linkerd-destination', '-n', 'linkerd'])
    await until(
      'the defaults',
      () => true,
      async () => /TCP 4143 is missing/.test(await ask()),
    )
  })

  await t.test('it never denies one object because it has not heard of another yet', async (t) => {
    await webhook.configure(denying)
    const refused: string[] = []
    const send = async (path: string, object: object) => {
      const { status, body } = await cluster.request('POST', path, JSON.stringify(object))
      if (status >= 300) refused.push(body)
    }
    for (let i = 0; i < 100; i++) {
      const name = `together-${i}`
      const policies = `/apis/networking.k8s.io/v1/namespaces/${name}/networkpolicies`
      await send('/api/v1/namespaces', namespace(name))
      for (const app of ['web', 'api'])
        await send(`/apis/apps/v1/namespaces/${name}/deployments`, deployment(name, app))
      await send(policies, policy(name, 'grants', [4143]))
      await send(policies, policy(name, 'api', [8080]))
      await send(`/api/v1/namespaces/${name}/services`, nats(name, opaque))
    }
    t.same(refused, [], '600 objects, each created as soon as the one before was')
  })

  /** The answer to a review that whoever reaches the port may send. */
  const ask = async (of: LiveWebhook, object: WireObject, different = {}) => {
    const { status, body } = await of.post('/validate?timeout=5s', reviewOf(object, different))
    if (status !== 200) throw new Error(`${status} ${body}`)
    return JSON.parse(body).response as {
      readonly allowed: boolean
      readonly status?: { readonly message: string }
      readonly warnings?: readonly string[]
      readonly auditAnnotations?: Readonly<Record<string, string>>
    }
  }
  const unproxied = pod('shop', 'bare')
  const mislabelled = pod('shop', 'bare', { labels: { 'linkerd.io/control-plane-ns': 'linkerd' } })

  await t.test('it becomes ready without the API server, judges what it can, and denies nothing else', async (t) => {
    const proxy = await startFaultProxy(cluster.port)
    proxy.set('refuse')
    const blind = await startLive(cluster, { config: denying, port: proxy.port, patienceMs: 2000 })
    t.teardown(async () => {
      await blind.stop()
      await proxy.close()
    })
    t.match(await blind.get('/readyz'), { status: 503, body: /^Namespace: unsynced: /m })
    await until(
      'its patience to end',
      () => true,
      async () => (await blind.get('/readyz')).status === 200,
    )
    t.match((await blind.get('/readyz?verbose')).body, /^NetworkPolicy: unsynced: .*\n(.*\n)*ok\n$/m)
    for (const object of [policy('shop', 'bad'), nats('shop'), unproxied]) {
      const { allowed, warnings, auditAnnotations } = await ask(blind, object)
      t.ok(allowed, `${object.kind}: absence denies nothing`)
      t.match(warnings, [/^not judged: \w+ objects( and those of \d+ more kinds)? are not known \(/])
      t.match(auditAnnotations, { degraded: /Namespace/ })
    }
    t.ok((await blind.metric('meshgate_degraded_reviews_total', '"Namespace"')) >= 3)
    t.match(await ask(blind, mislabelled), { allowed: false, status: { message: /has the label linkerd.io\/control/ } })

    proxy.set('none')
    await until(
      'the snapshot',
      () => true,
      async () => !(await ask(blind, policy('shop', 'bad'))).allowed,
    )
  })

  await t.test('it tells who forges reviews nothing but names', async (t) => {
    await open('vault')
    const mark = 'x7secret'
    const container = {
      name: `${mark}-container`,
      image: `example/${mark}`,
      args: [`${mark} argument`],
      env: [{ name: 'PASSWORD', value: `${mark} value` }],
      ports: [{ name: 'hidden', containerPort: 4222 }],
    }
    const template = {
      metadata: { labels: { app: 'api', tier: `${mark}-label` }, annotations: { note: `${mark} annotation` } },
      spec: { serviceAccountName: `${mark}-account`, containers: [container] },
    }
    const theirs = (ports: readonly number[]) => policy('vault', 'theirs', ports)
    await webhook.configure(config())
    await prepare(
      { ...deployment('vault', 'api'), spec: { replicas: 0, selector: { matchLabels: { app: 'api' } }, template } },
      deployment('vault', 'web'),
      theirs([8080, 4143]),
    )
    await settled()
    const ingress = [{ from: [{ namespaceSelector: {} }], ports: [{ port: 4222 }] }]
    const anybody = (namespace: string) => ({ ...policy(namespace, 'forged'), spec: { podSelector: {}, ingress } })
    const answers = await Promise.all([
      ask(webhook, policy('vault', 'forged', [4222])),
      ask(webhook, anybody('vault')),
      ask(webhook, anybody('shop')),
      ask(webhook, theirs([]), { operation: 'DELETE', object: null, oldObject: theirs([8080, 4143]) }),
      ask(webhook, theirs([8080]), { operation: 'UPDATE', oldObject: theirs([8080, 4143]) }),
      ask(webhook, {
        ...nats('vault'),
        spec: { selector: { app: 'api' }, ports: [{ port: 4222, targetPort: 'hidden' }] },
      }),
      ask(webhook, namespace('vault', { 'linkerd.io/inject': 'disabled' }), { name: 'vault', namespace: 'vault' }),
      ask(webhook, pod('vault', 'forged', { labels: { app: 'api' } })),
      ask(webhook, deployment('vault', 'api')),
    ])
    const said = JSON.stringify(answers)
    t.match(said, /Deployment vault\/(api|web)/, 'of what a finding is about, kind and name')
    t.notMatch(said, mark, 'and nothing of what is in it')
  })

  await t.test('it serves others while one source floods it', async (t) => {
    const body = JSON.stringify(reviewOf(policy('shop', 'flood', [8080, 4143])))
    const flood = (different: object): Promise<FloodReport> =>
      new Promise((resolve, reject) => {
        const client = { url: webhook.url, ca: webhook.ca, name: tlsName, body, ...different }
        const args = [join(import.meta.dirname, 'flood.ts'), JSON.stringify(client)]
        execFile(process.execPath, args, (error, stdout) => (error ? reject(error) : resolve(JSON.parse(stdout))))
      })
    const others = { source: '127.0.0.1', lanes: 5, perSecond: 50 }
    const alone = await flood({ ...others, seconds: 3 })
    const [loud, quiet] = await Promise.all([
      flood({ source: '127.0.0.2', lanes: 300, perSecond: 5000, seconds: 8 }),
      // Once its 300 connections stand: handshakes cost more than reviews.
      pause(2000).then(() => flood({ ...others, seconds: 5 })),
    ])
    for (const [what, report] of Object.entries({ alone, loud, quiet })) t.comment(`${what}: ${JSON.stringify(report)}`)
    t.same(Object.keys(quiet.statuses), ['200'], 'no review of the other source is shed')
    t.ok(quiet.calls > 50)
  })

  await t.test('it logs a line of JSON per event, whatever it is sent', async (t) => {
    const rude = '\n{"level":60,"msg":"forged"}\r\u001B[2J\u009B31m\u202Erude'
    for (const name of [rude, rude.repeat(4000)]) {
      await ask(webhook, policy('shop', name))
      await webhook.post('/validate', { ...reviewOf(policy('shop', 'x')), apiVersion: name })
      await webhook.get(`/${encodeURIComponent(name.slice(0, 1000))}`)
      await webhook.configure(`rules:\n  ${JSON.stringify(name)}: {enforcement: deny}\n`)
    }
    t.match(webhook.log.join(''), 'rude', 'what is wrong with the configuration is told')
    for (const line of webhook.log) {
      t.match(line, /^[\x20-\x7E]+\n$/)
      t.ok(line.length < 30_000)
      t.type(JSON.parse(line).msg, 'string')
    }
  })

  await t.test('it never holds up what is on its way out, not even while it is down', async (t) => {
    await open('leaving')
    await webhook.configure(config())
    await prepare(
      policy('leaving', 'held', [8080], { finalizers: ['example.dev/hold'] }),
      policy('leaving', 'other'),
      nats('leaving'),
      deployment('leaving', 'api'),
    )
    await webhook.configure(denying)
    const held = ['networkpolicy', 'held', '-n', 'leaving']
    accepts(t, await kubectl(['delete', ...held, '--wait=false']))
    const worse = '{"metadata":{"labels":{"a":"b"}},"spec":{"ingress":[{"ports":[{"port":9999}]}]}}'
    accepts(t, await kubectl(['patch', ...held, '--type=merge', '-p', worse]))

    running.splice(running.indexOf(webhook), 1)
    await webhook.stop()
    rejects(t, await create(policy('leaving', 'new')), /failed calling webhook "policy.validate.meshgate.dev"/)
    accepts(t, await create(pod('leaving', 'new')))
    accepts(t, await kubectl(['patch', ...held, '--type=merge', '-p', '{"metadata":{"finalizers":null}}']))
    t.match((await kubectl(['get', ...held])).stderr, /NotFound/)
    accepts(t, await kubectl(['delete', 'namespace', 'leaving', '--timeout=45s']))
    t.match((await kubectl(['get', 'namespace', 'leaving'])).stderr, /NotFound/)
  })
})

interface FloodReport {
  readonly calls: number
  readonly statuses: Readonly<Record<string, number>>
}
