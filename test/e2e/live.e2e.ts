import t from 'tap'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'
import { rules } from '../../src/rules/index.ts'
import { names } from './installation.ts'
import { skipWithout } from './kit.ts'
import {
  inject,
  injectorConfiguration,
  injectorService,
  podWebhook,
  silentInjector,
  type WirePod,
} from './linkerd-injector.ts'
import { config, denying, logsPlainly, startLiveStory } from './live-story.ts'
import { deployment, leadsToLoopback, namespace, nats, opaque, pod, policy } from './manifests.ts'
import { startMutating } from './mutating-webhook.ts'
import { until } from './until.ts'
import { accepts, rejects } from './verdicts.ts'

/* What meshgate tells whom in a running cluster. Real etcd, kube-apiserver, controllers and kubectl. */

const skip = skipWithout('etcd, kube-apiserver, controllers and kubectl')

const omits = 'network-policy-omits-proxy-port'
const notInjected = 'pod-not-injected'
const speaksFirst = 'server-speaks-first-port-not-opaque'

t.test('meshgate in a running cluster', { skip, timeout: 300_000 }, async (t) => {
  const story = await startLiveStory(t)
  const { cluster, webhook, clock, kubectl, apply, create, prepare, open, settled } = story

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
    await until('its Pod', async () =>
      /"app":"api"/.test((await cluster.request('GET', '/api/v1/namespaces/isolated/pods')).body),
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
    await until('the event', async () => {
      const columns = '-o=jsonpath={range .items[*]}{.reason} {.involvedObject.kind} {.message}{"\\n"}{end}'
      events = (await kubectl(['get', 'events', '-n', 'uninjected', '--as=owner', columns])).stdout
      return /FailedCreate/.test(events)
    })
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
    const service = { name: injectorService.name, namespace: 'mended' }
    const { ca, ...pair } = makeSelfSigned([`${service.name}.mended.svc`], new Date())
    const seen: WirePod[] = []
    const injector = await startMutating(pair, (object, asked) => {
      const pod = object as WirePod
      seen.push(pod)
      return inject(pod, asked)
    })
    t.teardown(async () => {
      await injector.kill()
      await prepare(silentInjector)
    })
    const onlyHere = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'mended' } } }
    await prepare(
      leadsToLoopback('mended', service.name),
      podWebhook(injectorConfiguration, { ...service, port: injector.port }, ca, onlyHere),
    )
    const listed = await kubectl(['get', 'mutatingwebhookconfigurations', '-o=jsonpath={.items[*].metadata.name}'])
    t.equal(listed.stdout, `${names.mutating} ${injectorConfiguration}`)

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
    await until('the injector', async () => {
      const tried = await create({ ...server, spec }, '--dry-run=server', '-o=json')
      return tried.status === 0 && /linkerd-proxy/.test(tried.stdout)
    })
    const added = { 'config.linkerd.io/opaque-ports': '4222' }
    const [shown, again, changed] = [seen.length, await mutations(), await patched()]
    t.ok(again > asked)
    accepts(t, await create({ ...server, spec }))
    t.match(seen[shown]?.metadata.annotations, added, 'the injector sees what we added')
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
    await until('the inbound port', async () => /TCP 5143 is missing/.test(await ask()))
    const destination = (...args: string[]) => {
      const matchLabels = { app: 'linkerd-destination' }
      const containers = [{ name: 'destination', image: 'example/controller', args }]
      const template = { metadata: { labels: matchLabels }, spec: { containers } }
      const spec = { replicas: 0, selector: { matchLabels }, template }
      return { ...deployment('linkerd', 'linkerd-destination'), spec }
    }
    await prepare(destination('destination', '-outbound-transport-mode=transparent'))
    await until('the transport mode: a connection arrives on its own port', async () => (await ask()) === '')
    await prepare(destination('destination', '-outbound-transport-mode=transport-header'))
    await until('the transport mode', async () => /TCP 5143 is missing/.test(await ask()))
    await kubectl(['delete', 'configmap/linkerd-config', 'deployment/linkerd-destination', '-n', 'linkerd'])
    await until('the defaults', async () => /TCP 4143 is missing/.test(await ask()))
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

  await t.test('it has logged a line of JSON per event', async (t) => logsPlainly(t, webhook))
})
