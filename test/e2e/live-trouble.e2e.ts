import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { reviewOf, type WireObject } from '../admission/reviews.ts'
import { startFaultProxy } from './fault-proxy.ts'
import { flood } from './flood-process.ts'
import { tlsName } from './installation.ts'
import { skipWithout } from './kit.ts'
import { config, denying, logsPlainly, startLiveStory } from './live-story.ts'
import { type LiveWebhook, startLive } from './live-webhook.ts'
import { deployment, namespace, nats, pod, policy } from './manifests.ts'
import { until } from './until.ts'
import { accepts, rejects } from './verdicts.ts'

/*
 * meshgate in a running cluster where the API server is away, reviews are forged, far too many or rude, or meshgate itself is
 * down. Real etcd, kube-apiserver, controllers and kubectl.
 */

const skip = skipWithout('etcd, kube-apiserver, controllers and kubectl')

t.test('meshgate in a running cluster, when things go wrong', { skip, timeout: 300_000 }, async (t) => {
  const { cluster, webhook, running, kubectl, create, prepare, open, settled } = await startLiveStory(t)

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
    const blind = await startLive(cluster, { config: denying, apiServerPort: proxy.port, patienceMs: 2000 })
    t.teardown(async () => {
      await blind.stop()
      await proxy.close()
    })
    t.match(await blind.get('/readyz'), { status: 503, body: /^Namespace: unsynced: /m })
    await until('its patience to end', async () => (await blind.get('/readyz')).status === 200)
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
    await until('the snapshot', async () => !(await ask(blind, policy('shop', 'bad'))).allowed)
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
    const client = { url: webhook.url, ca: webhook.ca, name: tlsName, body }
    const others = { ...client, source: '127.0.0.1', lanes: 5, perSecond: 50 }
    const alone = await flood({ ...others, seconds: 3 })
    const [loud, quiet] = await Promise.all([
      flood({ ...client, source: '127.0.0.2', lanes: 300, perSecond: 5000, seconds: 8 }),
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
    logsPlainly(t, webhook)
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
