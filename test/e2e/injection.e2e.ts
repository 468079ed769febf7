import t from 'tap'
import { type Issued, issue, makeKeys } from '../pki/issue.ts'
import { apply, done } from './apply.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { account, registration } from './installation.ts'
import { skipWithout } from './kit.ts'
import { inject, injectorConfiguration, injectorService, podWebhook, type WirePod } from './linkerd-injector.ts'
import { type LiveWebhook, startLive } from './live-webhook.ts'
import { deployment, leadsToLoopback, namespace, pod } from './manifests.ts'
import { startMutating } from './mutating-webhook.ts'
import { until } from './until.ts'

/*
 * The story this product was made for, on a real API server with its controllers: the injector's certificate goes wrong,
 * failurePolicy is Ignore, and Pods are created as if there were no injector, with nobody told. The injector is a stand-in;
 * meshgate is the running webhook, following the cluster under its own ServiceAccount with the chart's rights.
 */

const skip = skipWithout('etcd, kube-apiserver, kube-controller-manager and kubectl')

const service = injectorService.name
const config = (enforcement: string) => `rules:\n  pod-not-injected: {enforcement: ${enforcement}}\n`

/** A metric must tell of a change so soon. */
const withinMs = 60_000

t.test('meshgate and the injector of a running cluster', { skip, timeout: 300_000 }, async (t) => {
  const cluster = await startCluster([], { withControllers: true })
  const from = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString()
  const year = 365 * 24 * 3600
  const valid = () => ({ notBefore: from(-year), notAfter: from(year) })
  const authority = (kind: 'p256' | 'rsa') => issue({ subject: 'webhook', ca: true, keys: makeKeys(kind), ...valid() })
  const leafOf = (by: Issued, more: object = {}) =>
    pairOf(issue({ subject: 'leaf', by, dnsNames: [`${service}.linkerd.svc`], ...valid(), ...more }))
  const ca = authority('p256')
  const injector = await startMutating(leafOf(ca), (object, asked) => inject(object as WirePod, asked))
  const replicas: LiveWebhook[] = []
  t.teardown(async () => {
    for (const replica of replicas) await replica.stop()
    await injector.kill()
    await cluster.stop()
  })

  await apply(
    cluster,
    ...['meshgate', 'linkerd'].map((name) => namespace(name, {})),
    namespace('shop'),
    ...account('meshgate'),
  )
  await apply(
    cluster,
    leadsToLoopback('linkerd', service),
    podWebhook(injectorConfiguration, { ...injectorService, port: injector.port }, ca.pem),
    trustRoots(ca.pem),
  )
  const running = await startMeshgate(cluster, injector.port, 500)
  replicas.push(running)
  // A second one looks no more often than usual.
  const leisurely = await startMeshgate(cluster, injector.port)
  replicas.push(leisurely)
  const configure = (enforcement: string) => running.configure(config(enforcement))
  await until('the snapshot', async () => (await running.get('/readyz')).body === 'ok\n')
  await apply(cluster, ...registration(running.port, running.ca))
  await until(
    'the ServiceAccount of shop',
    async () => (await cluster.kubectl(['get', 'serviceaccount', 'default', '-n', 'shop'])).status === 0,
  )

  const kubectl = (args: readonly string[], input?: string) => cluster.kubectl(args, input)
  const create = (object: object, ...args: string[]) => kubectl(['create', ...args, '-f', '-'], JSON.stringify(object))
  /** What becomes of a Pod now: the one that would be stored, and what was said. */
  const attempt = async (annotations: object = {}) => {
    const { stdout, stderr } = await create(pod('shop', 'web', { annotations }), '--dry-run=server', '-o', 'json')
    return { stderr, stored: stdout === '' ? undefined : (JSON.parse(stdout) as WirePod) }
  }
  const comesMeshed = async () => {
    const { stderr, stored } = await attempt()
    return stderr === '' && hasProxy(stored)
  }
  /** When something was changed last. */
  let changedAt = performance.now()
  const change = async (act: () => unknown) => {
    changedAt = performance.now()
    await act()
  }
  const becomesClean = async (t: Tap, what: string) => {
    await until('injection', comesMeshed)
    await changes(t, what, { trusted: 1, answers: 1 })
  }
  const becomesDenied = async (t: Tap, cause: RegExp, gauges: Gauges) => {
    let said = ''
    await until(String(cause), async () => {
      said = (await attempt()).stderr
      return cause.test(said)
    })
    t.match(said, /^Error from server \(Forbidden\): .*"workload\.validate\.meshgate\.dev" denied the request/)
    t.match(said, /\[pod-not-injected\] Pod shop\/web at metadata: No Linkerd proxy: /)
    t.match(said, /Pod shop\/web would run outside the mesh: .*\(linkerd-proxy-injector-webhook-config\); with failure/)
    await changes(t, String(cause), gauges)
  }
  type Gauges = Readonly<Record<string, number>>
  /** What the metrics say of the injector becomes this, in time. */
  const changes = async (t: Tap, what: string, expected: Gauges, replica = running) => {
    await until(`${JSON.stringify(expected)} in the metrics after: ${what}`, async () => {
      const seen = await gaugesOf(replica)
      return Object.entries(expected).every(([name, value]) => seen[name] === value)
    })
    const tookMs = performance.now() - changedAt
    t.ok(tookMs < withinMs, `the metrics follow in time: ${what}`)
    t.comment(`${Math.round(tookMs)} ms until the metrics followed: ${what}`)
  }
  const bundle = async (pem: string) => {
    const value = Buffer.from(pem).toString('base64')
    const patch = JSON.stringify([{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value }])
    done(await kubectl(['patch', webhookKind, injectorConfiguration, '--type=json', '-p', patch]))
  }

  await t.test('it lets Pods pass that come with their proxy, in either form', async (t) => {
    await becomesClean(t, 'at first')
    const native = await attempt()
    t.equal(native.stderr, '')
    t.match(native.stored?.spec.initContainers, [{ name: 'linkerd-init' }, { name: 'linkerd-proxy' }])
    const classic = await attempt({ 'config.linkerd.io/proxy-enable-native-sidecar': 'false' })
    t.equal(classic.stderr, '')
    t.match(classic.stored?.spec.containers, [{ name: 'linkerd-proxy' }, { name: 'web' }])
    t.equal(classic.stored?.spec.initContainers?.length, 1)
    const optedOut = await attempt({ 'linkerd.io/inject': 'disabled' })
    t.notMatch(optedOut.stderr, /denied/, 'nor does it keep out what the stand-in injects without being asked')
  })

  await t.test('it lets a Deployment bring up its Pods with their proxies', async (t) => {
    await apply(cluster, deployment('shop', 'early', 1))
    await until('the Pod of the Deployment', async () => (await podsOf(cluster, 'early')).length === 1)
    const [first] = await podsOf(cluster, 'early')
    t.ok(hasProxy(first))
    t.match(first, { metadata: { ownerReferences: [{ kind: 'ReplicaSet' }] } }, 'the controllers made it')
  })

  await t.test('it tells how long the trust anchors last', async (t) => {
    const found = await untilThere(async () =>
      /trust_anchor_days_left\{namespace="linkerd"\} (\S+)/.exec((await running.get('/metrics')).body),
    )
    t.ok(Math.abs(Number(found[1]) - 365) < 1)
  })

  await t.test('it denies what comes without a proxy, and names the certificate that expired', async (t) => {
    const ending = from(5)
    const date = ending.slice(0, 10)
    await change(() => injector.serve(leafOf(ca, { notBefore: from(-60), notAfter: ending })))
    await becomesDenied(t, new RegExp(`the certificate of ${service} expired on ${date}`), { trusted: 0, answers: 1 })
    t.ok(((await gaugesOf(running))['certificate_days_left'] ?? 1) < 0)

    await configure('warn')
    const warned = await attempt()
    t.ok(warned.stored && !hasProxy(warned.stored), 'where it only warns, the Pod comes without a proxy')
    t.match(
      warned.stderr,
      new RegExp(`^Warning: \\[pod-not-injected\\] No Linkerd proxy: the certificate of ${service} expired on ${date}`),
    )
    await configure('off')
    const silent = await attempt()
    t.equal(silent.stderr, '', 'without it, nobody is told')
    t.notOk(hasProxy(silent.stored))
    await configure('deny')

    await apply(cluster, deployment('shop', 'late', 1))
    const message = await untilThere(async () => (await denialsOf(cluster, 'late')).at(-1))
    t.match(message, new RegExp(`^Error creating: admission webhook .*No Linkerd proxy: the certificate of ${service}`))
    t.match(message, `expired on ${date}`)
    t.match(message, /Pod shop\/late-\S+ of ReplicaSet late-\w+ would run outside the mesh/)
    t.match(message, /read more: meshgate explain pod-not-injected$/, 'the Event is not cut')
    t.same(await podsOf(cluster, 'late'), [])
  })

  await t.test('it is content when the certificate is renewed', async (t) => {
    await change(() => injector.serve(leafOf(ca)))
    await becomesClean(t, 'renewed')
  })

  const next = authority('rsa')
  await t.test('it names a caBundle that does not fit, until it holds the old and the new authority', async (t) => {
    await change(() => injector.serve(leafOf(next)))
    await becomesDenied(t, /linkerd-proxy-injector cannot be verified \(.*unknown authority\)/, {
      trusted: 0,
      answers: 1,
    })
    await change(() => bundle(ca.pem + next.pem))
    await becomesClean(t, 'a bundle of several certificates')
  })

  await t.test('it names a caBundle that cannot be read', async (t) => {
    await change(() => bundle(next.pem.replaceAll(/^/gm, '  ')))
    await becomesDenied(t, /the caBundle of linkerd-proxy-injector holds no readable certificate/, { trusted: 0 })
    await change(() => bundle(next.pem))
    await becomesClean(t, 'the bundle was repaired')
  })

  await t.test('it names an injector that is gone', async (t) => {
    await change(() => injector.kill())
    await becomesDenied(t, /linkerd-proxy-injector does not answer \(ECONNREFUSED\)/, { answers: 0 })
    await changes(t, 'the injector is gone, as seen by the replica that looks as usual', { answers: 0 }, leisurely)
    await change(() => injector.start())
    await becomesClean(t, 'the injector is back')
  })

  await t.test('it judges what is admitted, also after webhooks that come later', async (t) => {
    const name = 'sidecar-remover'
    const spoils = issue({ subject: 'spoils', by: ca, dnsNames: [`${name}.shop.svc`], ...valid() })
    const remover = await startMutating(pairOf(spoils), (object) =>
      ((object as WirePod).spec.initContainers ?? []).length > 1
        ? [{ op: 'remove', path: '/spec/initContainers/1' }]
        : [],
    )
    t.teardown(() => remover.kill())
    await apply(
      cluster,
      leadsToLoopback('shop', name),
      podWebhook('zz-sidecar-remover', { name, namespace: 'shop', port: remover.port }, ca.pem),
    )
    let said = ''
    await until('the removal of the proxy', async () => {
      said = (await attempt()).stderr
      return said !== ''
    })
    t.match(said, /denied the request: .*has the label linkerd.io\/control-plane-ns but no proxy/)
    await kubectl(['delete', webhookKind, 'zz-sidecar-remover'])
    await until('injection', comesMeshed)
  })

  await t.test('it lets the Deployment through that had to wait', async (t) => {
    await until('the Pod of the Deployment', async () => (await podsOf(cluster, 'late')).length === 1)
    t.ok((await podsOf(cluster, 'late')).every(hasProxy))
  })
})

type Tap = Pick<typeof t, 'ok' | 'match' | 'comment'>

const webhookKind = 'mutatingwebhookconfiguration'

/** Asks until there is an answer. */
async function untilThere<T>(ask: () => Promise<T | null | undefined>): Promise<T> {
  let found: T | null | undefined
  await until('the answer', async () => (found = await ask()) != null)
  return found as T
}

/** It looks at what the injector serves at this port: here is no cluster DNS. */
function startMeshgate(cluster: Cluster, injectorPort: number, everyMs?: number): Promise<LiveWebhook> {
  const resolve = () => ({ host: '127.0.0.1', port: injectorPort })
  return startLive(cluster, {
    config: config('deny'),
    certificateLook: everyMs === undefined ? { resolve } : { resolve, everyMs },
  })
}

/** By the name behind `meshgate_linkerd_webhook_`. */
async function gaugesOf(webhook: LiveWebhook): Promise<Record<string, number>> {
  const lines = (await webhook.get('/metrics')).body.matchAll(
    /^meshgate_linkerd_webhook_(\w+)\{\S*injector"\} (\S+)$/gm,
  )
  return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]))
}

function hasProxy(pod: WirePod | undefined): boolean {
  const containers = [...(pod?.spec.containers ?? []), ...(pod?.spec.initContainers ?? [])]
  return containers.some(({ name }) => name === 'linkerd-proxy')
}

async function podsOf(cluster: Cluster, app: string): Promise<WirePod[]> {
  const { stdout } = await cluster.kubectl(['get', 'pods', '-n', 'shop', '-l', `app=${app}`, '-o', 'json'])
  return JSON.parse(stdout).items
}

/** Messages of the Events about Pods that could not be created for a Deployment. */
async function denialsOf(cluster: Cluster, name: string): Promise<string[]> {
  const { stdout } = await cluster.kubectl(['get', 'events', '-n', 'shop', '-o', 'json'])
  return (JSON.parse(stdout).items as { reason: string; message: string; involvedObject: { name: string } }[])
    .filter(({ reason, involvedObject }) => reason === 'FailedCreate' && involvedObject.name.startsWith(`${name}-`))
    .map(({ message }) => message)
}

const trustRoots = (pem: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'linkerd-identity-trust-roots', namespace: 'linkerd' },
  data: { 'ca-bundle.crt': pem },
})

function pairOf({ pem, key }: Issued) {
  return { cert: pem, key }
}
