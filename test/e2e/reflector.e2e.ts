import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { connect, type Cluster as Followed } from '../../src/cluster/cluster.ts'
import { createProjector } from '../../src/cluster/project.ts'
import { type KindName, kinds } from '../../src/k8s/kinds.ts'
import type { Resource } from '../../src/k8s/resource.ts'
import { apply } from './apply.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { definition, served } from './custom-resources.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { grant } from './installation.ts'
import { skipWithout } from './kit.ts'
import { namespace } from './manifests.ts'
import { mountAccount, mountedAt } from './service-account.ts'
import { until } from './until.ts'

/*
 * The reflectors against the real API server, as a ServiceAccount with exactly these rights, over a way that fails. After each
 * fault what they hold must equal a fresh list within 30 s, without anybody's help.
 */

const skip = skipWithout('etcd, kube-apiserver and kubectl')

const watched = [
  'Namespace',
  'Pod',
  'Deployment',
  'ReplicaSet',
  'Job',
  'Service',
  'NetworkPolicy',
  'Server',
] as const satisfies readonly KindName[]

const convergeMs = 30_000

/** What one follower holds and says. */
interface Follower {
  readonly cluster: Followed
  readonly proxy: FaultProxy
  readonly held: Map<KindName, Map<string, Resource>>
  /** What is not to be relied on, in words. */
  readonly marks: Map<KindName, string | undefined>
}

/** Follows the cluster from what looks like a Pod. */
async function follow(folder: string, port: number): Promise<Follower> {
  const proxy = await startFaultProxy(port)
  const held = new Map<KindName, Map<string, Resource>>(watched.map((kind) => [kind, new Map()]))
  const marks = new Map<KindName, string | undefined>()
  const keyOf = (resource: Resource) => `${resource.namespace}/${resource.name}`
  const cluster = connect({
    credentials: mountedAt(folder, proxy.port),
    kinds: watched,
    sink: {
      replace: (kind, resources) => void held.set(kind, new Map(resources.map((one) => [keyOf(one), one]))),
      upsert: (resource) => void held.get(resource.kind)?.set(keyOf(resource), resource),
      remove: (kind, namespace, name) => void held.get(kind)?.delete(`${namespace}/${name}`),
      mark: (kind, trouble) => void marks.set(kind, trouble && `${trouble.as}: ${trouble.why}`),
    },
  })
  return { cluster, proxy, held, marks }
}

/** Every watched object as the API server has it now, projected, as text. */
async function freshList(cluster: Cluster): Promise<Map<KindName, string[]>> {
  const project = createProjector()
  const found = new Map<KindName, string[]>()
  for (const kind of watched) {
    const { group, resource } = kinds[kind]
    const version = kind === 'Server' ? 'policy.linkerd.io/v1beta3' : group === '' ? 'v1' : `${group}/v1`
    const answer = await cluster.kubectl(['get', '--raw', `/${group === '' ? 'api' : 'apis'}/${version}/${resource}`])
    const items = answer.status === 0 ? (JSON.parse(answer.stdout).items as Record<string, unknown>[]) : []
    const kept = items.flatMap((item) => {
      const projected = project(kind, version, item)
      return projected.as === 'resource' ? [JSON.stringify(projected.resource.wire)] : []
    })
    found.set(kind, kept.toSorted())
  }
  return found
}

/** Waits until the follower holds what the API server has, and is content. Answers how long that took. */
async function converges(t: Tap, follower: Follower, cluster: Cluster, what: string): Promise<void> {
  const start = performance.now()
  let differing: string[] = []
  do {
    const fresh = await freshList(cluster)
    differing = watched.filter((kind) => {
      const held = [...(follower.held.get(kind)?.values() ?? [])].map((one) => JSON.stringify(one.wire)).toSorted()
      return follower.marks.get(kind) !== undefined || held.join('\n') !== fresh.get(kind)?.join('\n')
    })
    if (differing.length > 0) await pause(200)
  } while (differing.length > 0 && performance.now() - start < convergeMs)
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  t.same(differing, [], `${what}: holds what a fresh list says, after ${seconds} s`)
}

type Tap = Pick<typeof t, 'same'>

const verbs = ['list', 'watch']
/** The right to follow these kinds, and no other. */
const right = (names: readonly KindName[]) =>
  grant(
    'meshgate',
    'meshgate',
    names.map((kind) => ({ apiGroups: [kinds[kind].group], resources: [kinds[kind].resource], verbs })),
  )
const serviceAccount = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'meshgate', namespace: 'meshgate' },
}
/** What the follower reads of Linkerd's settings. */
const settings = [
  ['', 'configmaps', 'linkerd-config'] as const,
  ['', 'configmaps', 'linkerd-identity-trust-roots'] as const,
  ['apps', 'deployments', 'linkerd-destination'] as const,
].map(([group, resource, name]) => ({ apiGroups: [group], resources: [resource], resourceNames: [name], verbs }))

const linkerdConfig = (inbound: number) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'linkerd-config', namespace: 'linkerd' },
  data: { values: `linkerdVersion: edge-26.8.3\nproxy:\n  ports:\n    inbound: ${inbound}\n` },
})

t.test('reflectors and a real API server', { skip, timeout: 240_000 }, async (t) => {
  const cluster = await startCluster(['--etcd-compaction-interval=5s'])
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-account-'))
  const followers: Follower[] = []
  t.teardown(async () => {
    for (const { cluster, proxy } of followers) {
      await cluster.stop()
      await proxy.close()
    }
    await cluster.stop()
    rmSync(folder, { recursive: true })
  })
  const writeToken = () => mountAccount(cluster, 'meshgate', folder)
  const send = async (method: string, path: string, body?: object) => {
    const { status } = await cluster.request(method, path, body === undefined ? '' : JSON.stringify(body))
    if (status >= 300) throw new Error(`${method} ${path}: ${status}`)
  }
  let generation = 0
  /** Creates, changes, deletes and recreates objects of several kinds. */
  const churn = async () => {
    const g = ++generation
    const pods = '/api/v1/namespaces/shop/pods'
    const services = '/api/v1/namespaces/shop/services'
    const pod = (name: string) => ({
      metadata: {
        name,
        labels: { app: 'web', generation: String(g) },
        annotations: { 'linkerd.io/inject': 'enabled' },
      },
      spec: { containers: [{ name: 'web', image: `example/web:${g}` }] },
    })
    const service = (name: string) => ({
      metadata: { name, labels: { generation: String(g) } },
      spec: { ports: [{ port: 80 }] },
    })
    for (let i = 0; i < 10; i++) await send('POST', pods, pod(`web-${g}-${i}`))
    await send('POST', services, service(`web-${g}`))
    await send('POST', '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies', {
      metadata: { name: `web-${g}` },
      spec: { podSelector: { matchLabels: { app: 'web' } } },
    })
    if (g > 1) {
      for (let i = 0; i < 5; i++) await send('DELETE', `${pods}/web-${g - 1}-${i}?gracePeriodSeconds=0`)
      await send('POST', pods, pod(`web-${g - 1}-0`))
      await send('DELETE', `${services}/web-${g - 1}`)
      await send('POST', services, service(`web-${g - 1}`))
    }
  }

  await apply(cluster, ...['meshgate', 'shop', 'linkerd'].map((name) => namespace(name, {})))
  await apply(
    cluster,
    serviceAccount,
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'shop' } },
    ...right(watched),
    ...grant('meshgate', 'meshgate-config', settings, 'linkerd'),
  )
  await writeToken()
  await churn()
  const [silenced, follower] = [await follow(folder, cluster.port), await follow(folder, cluster.port)]
  followers.push(silenced, follower)

  await t.test('it holds what there is, and follows it', async (t) => {
    await converges(t, follower, cluster, 'at first')
    await converges(t, silenced, cluster, 'at first, a second one')
    await churn()
    await converges(t, follower, cluster, 'after changes')
    t.same(follower.cluster.linkerdTroubles(), [], 'rights by resourceNames are enough for Linkerd’s settings')
    await apply(cluster, linkerdConfig(5143))
    await until('the settings', async () => follower.cluster.linkerd().settings.inboundPort === 5143)
    await apply(cluster, linkerdConfig(6143))
    await until('the new settings', async () => follower.cluster.linkerd().settings.inboundPort === 6143)
    t.match(follower.cluster.linkerd().settings, { minor: 20, transportMode: 'transparent' })
  })

  // From here on the first follower hears nothing, while the second one goes through everything else.
  silenced.proxy.set('blackhole')
  const silencedAt = performance.now()

  await t.test('it recovers from connections that are reset every two seconds', async (t) => {
    for (let i = 0; i < 4; i++) {
      follower.proxy.reset()
      if (i === 1) await churn()
      await pause(2000)
    }
    await converges(t, follower, cluster, 'after resets')
  })

  await t.test('it says what it may not see, keeps the rest, and sees it again', async (t) => {
    await apply(cluster, ...right(watched.filter((kind) => kind !== 'NetworkPolicy')))
    // A stream that is open goes on: rights are asked for at its beginning.
    await until('the refusal', async () => {
      follower.proxy.reset()
      await pause(1000)
      return follower.marks.get('NetworkPolicy') !== undefined
    })
    t.match(
      follower.marks.get('NetworkPolicy'),
      /^unsynced: networkpolicies\.networking\.k8s\.io is forbidden: User "system:serviceaccount:meshgate:meshgate" cannot/,
    )
    await churn()
    await until('the other kinds', async () =>
      watched.every((kind) => kind === 'NetworkPolicy' || follower.marks.get(kind) === undefined),
    )
    await apply(cluster, ...right(watched))
    await converges(t, follower, cluster, 'after the rights came back')
  })

  await t.test('it takes up a token that was replaced late', async (t) => {
    // Tokens are bound to the account's uid: those of its predecessor are void.
    await cluster.kubectl(['delete', 'serviceaccount', 'meshgate', '-n', 'meshgate'])
    await apply(cluster, serviceAccount)
    await until('the refusal', async () => {
      follower.proxy.reset()
      await pause(1000)
      return follower.marks.get('Service') === 'unsynced: Unauthorized'
    })
    await churn()
    await writeToken()
    await converges(t, follower, cluster, 'after the new token')
  })

  await t.test('it notices a CRD that is installed later', async (t) => {
    t.match(follower.cluster.health().get('Server'), { absent: true, synced: true })
    await apply(cluster, definition(kinds.Server, { versions: ['v1beta3', 'v1beta1'] }))
    await served(cluster, [kinds.Server])
    await send('POST', '/apis/policy.linkerd.io/v1beta3/namespaces/shop/servers', {
      apiVersion: 'policy.linkerd.io/v1beta3',
      kind: 'Server',
      metadata: { name: 'web' },
      spec: { podSelector: { matchLabels: { app: 'web' } }, port: 80 },
    })
    await until('the kind', async () => follower.held.get('Server')?.size === 1)
    await converges(t, follower, cluster, 'after the CRD')
    t.match(follower.cluster.health().get('Server'), { absent: false, synced: true, objects: 1 })
  })

  await t.test('it notices a connection over which nothing comes any more', async (t) => {
    silenced.proxy.set('none')
    const age = () => silenced.cluster.health().get('Pod')?.ageMs ?? 0
    // Connections that were silenced stay so: only the alarm, 90 s after the last byte, leads out.
    await until('the alarm', async () => age() < 10_000)
    const seconds = (performance.now() - silencedAt) / 1000
    t.ok(
      seconds < 90 + 60 + 30,
      `heard again ${seconds.toFixed(0)} s after the last byte at most a minute before the silence`,
    )
    await converges(t, silenced, cluster, 'after the silence')
  })

  await t.test('it goes on after a stop of the API server', async (t) => {
    cluster.signal('SIGSTOP')
    await pause(8000)
    cluster.signal('SIGCONT')
    await churn()
    await Promise.all(followers.map((one) => converges(t, one, cluster, 'after SIGCONT')))
  })

  await t.test('it lists again when history is gone, and forgets what was deleted meanwhile', async (t) => {
    follower.proxy.set('refuse')
    await churn()
    await churn()
    const before = follower.cluster.health().get('Pod')?.relists.gone ?? 0
    cluster.signal('SIGKILL')
    await pause(5000)
    await cluster.restart()
    follower.proxy.set('none')
    await Promise.all(followers.map((one) => converges(t, one, cluster, 'after SIGKILL and a restart')))
    t.ok((follower.cluster.health().get('Pod')?.relists.gone ?? 0) > before, 'the API server said 410')
  })

  await t.test('it needed no correction, and leaves nothing behind', async (t) => {
    for (const one of followers) {
      for (const [kind, health] of one.cluster.health())
        t.match(health, { corrections: 0, malformed: 0, sinkFailures: 0, synced: true }, kind)
      await one.cluster.stop()
      t.equal(one.cluster.sockets(), 0)
      await until('the proxy', async () => one.proxy.clients() === 0)
    }
  })
})
