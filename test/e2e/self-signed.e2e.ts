import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { authoritiesIn } from '../../src/pki/authority-secret.ts'
import { apply } from './apply.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { access, account, grant, names, registration } from './installation.ts'
import { skipWithout } from './kit.ts'
import { type ServeOptions, type ServeProcess, startServe } from './serve-process.ts'
import { servedBy } from './served-leaf.ts'
import { writeKubeconfig } from './service-account.ts'
import { until } from './until.ts'

/*
 * `serve --self-signed-secret`, as several real processes with the rights of the chart, before a real API server.
 * MESHGATE_KIT_BIN names a folder with etcd, kube-apiserver and kubectl.
 */

const skip = skipWithout('etcd, kube-apiserver and kubectl')

const secretName = 'meshgate-tls'
const secretPath = `/api/v1/namespaces/meshgate/secrets/${secretName}`
const group = '/apis/admissionregistration.k8s.io/v1'
const configurations = [
  `${group}/validatingwebhookconfigurations/${names.validating}`,
  `${group}/mutatingwebhookconfigurations/${names.mutating}`,
] as const

/** Looks twice a second, and five for API servers to hear of a CA. */
const brisk = '3650d,90d,5s'
/** A CA is replaced some 20 s after it was made. */
const hasty = '32s,16s,4s'

t.test('meshgate as its own certificate authority', { skip, timeout: 400_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-self-'))
  const cluster = await startCluster()
  const balancer = await startBalancer()
  const replicas: ServeProcess[] = []
  t.teardown(async () => {
    for (const replica of replicas) replica.kill('SIGKILL')
    await balancer.close()
    await cluster.stop()
    rmSync(folder, { recursive: true })
  })
  for (const namespace of ['meshgate', 'linkerd', 'shop']) await cluster.kubectl(['create', 'namespace', namespace])
  await apply(cluster, ...account('meshgate', access), ...ownRights('meshgate'))
  const kubeconfig = await writeKubeconfig(cluster, 'meshgate', folder)
  const start = (name: string, lives?: string, onLog?: ServeOptions['onLog']) => {
    const more = lives === undefined ? [] : [`--self-signed-lives=${lives}`]
    const args = [`--kubeconfig=${kubeconfig}`, `--self-signed-secret=${secretName}`, ...more]
    const replica = startServe({ name, args, onLog })
    replicas.push(replica)
    return replica
  }
  const end = async (ones: readonly ServeProcess[]) => {
    for (const one of ones) one.kill('SIGTERM')
    await Promise.all(ones.map(({ ended }) => ended))
  }
  const install = () => apply(cluster, ...registration(balancer.port, ''))
  const api = createApi(cluster, balancer)

  await t.test('it touches no Secret that somebody else made, and says so', async (t) => {
    await install()
    const foreign = { apiVersion: 'v1', kind: 'Secret', metadata: { name: secretName, namespace: 'meshgate' } }
    await apply(cluster, { ...foreign, stringData: { 'tls.crt': 'theirs' } })
    const before = await api.secret()
    const replica = start('lonely', brisk)
    await until('the reason', async () => /made by somebody else/.test(await replica.get('/readyz')))
    t.match(
      await replica.get('/readyz'),
      /^self-signed: there is no certificate yet: the Secret was made by somebody else, and is left alone$/m,
    )
    t.notOk(await replica.isReady())
    t.equal(await replica.metric('meshgate_self_secret_foreign'), 1)
    t.equal(replica.log.filter((line) => line.includes('made by somebody else')).length, 1, 'it logs it once')
    t.same(await api.secret(), before)
    await cluster.request('DELETE', secretPath)
    await until('readiness', () => replica.isReady())
    t.equal(await replica.metric('meshgate_self_secret_foreign'), 0)
    await end([replica])
    await cluster.request('DELETE', secretPath)
  })

  const three: ServeProcess[] = []
  await t.test('it makes one CA among three that start together on an empty cluster', async (t) => {
    await install()
    const began = Date.now()
    three.push(...['a', 'b', 'c'].map((name) => start(name, brisk)))
    await until('readiness', async () => (await Promise.all(three.map((one) => one.isReady()))).every(Boolean))
    const seconds = (Date.now() - began) / 1000
    t.comment(`three processes ready after ${seconds} s`)
    t.ok(seconds < 30)
    const [authority, ...others] = authoritiesIn(await api.bundle())
    t.same(others, [])
    for (const bundle of (await api.caBundles()).flat())
      t.same(
        authoritiesIn(bundle).map(({ id }) => id),
        [authority?.id],
      )
    const sum = async (metric: string, labels: string) =>
      (await Promise.all(three.map((one) => one.metric(metric, labels)))).reduce((a, b) => a + b, 0)
    t.equal(await sum('meshgate_self_secret_writes_total', 'created'), 1)
    t.comment(`${await sum('meshgate_self_secret_writes_total', 'conflict')} writes of the Secret in vain`)
    t.equal(await three[0]?.metric('meshgate_self_ca_expiry_timestamp_seconds'), (authority?.notAfterMs ?? 0) / 1000)
    const leaves = await Promise.all(three.map((one) => servedBy(one.port(), authority?.pem ?? '')))
    t.match(leaves[0], /^[0-9a-f]{64}$/)
    t.equal(new Set(leaves).size, 1)
    for (const one of three) {
      balancer.route([one.port()])
      t.equal(await api.call(), 'accepted', one.name)
      await balancer.cut()
    }
    const managers = (await api.get(configurations[0])).metadata.managedFields.find(
      ({ manager }: { manager: string }) => manager === 'meshgate-self-signed',
    )
    t.match(JSON.stringify(managers.fieldsV1), /caBundle/)
    t.notMatch(JSON.stringify(managers.fieldsV1), /"f:(?:service|rules|failurePolicy|namespaceSelector)"/)

    // As a `helm upgrade` whose template has an empty caBundle, while the API server is slow.
    balancer.route(three.map((one) => one.port()))
    await install()
    const blanked = Date.now()
    cluster.signal('SIGSTOP')
    await pause(2000)
    cluster.signal('SIGCONT')
    await until('the caBundles', async () =>
      (await api.caBundles()).flat().every((bundle) => bundle === authority?.pem),
    )
    t.comment(`caBundles are back after ${(Date.now() - blanked) / 1000} s`)
    t.ok(Date.now() - blanked < 60_000)
    await until('a call', async () => (await api.call()) === 'accepted')
    t.ok((await Promise.all(three.map((one) => one.isReady()))).every(Boolean), 'nobody ceased to be ready')
  })

  await t.test('it repairs whatever happens to the Secret, and loses no call', async (t) => {
    const load = api.load()
    const isWhole = async () => {
      const secret = await api.secret()
      const { data } = secret
      const all = ['ca-bundle.crt', 'ca.key', 'tls.crt', 'tls.key'].every((key) => (data?.[key] ?? '').length > 1000)
      const bundle = text(data?.['ca-bundle.crt'])
      return all && (await api.caBundles()).flat().every((one) => one === bundle)
    }
    for (const key of ['tls.crt', 'tls.key', 'ca.key', 'ca-bundle.crt']) {
      const patch = JSON.stringify({ data: { [key]: Buffer.from('-----BEGIN NOTHING-----').toString('base64') } })
      const { status } = await cluster.kubectl(['patch', 'secret', secretName, '-n', 'meshgate', '-p', patch])
      t.equal(status, 0)
      await until(`another ${key}`, isWhole)
      // A second disaster comes only when replicas have changed over from the first.
      await until('the change', async () => {
        const bundle = await api.bundle()
        const leaves = await Promise.all(three.map((one) => servedBy(one.port(), bundle)))
        const wanted = authoritiesIn(text((await api.secret()).data?.['tls.crt']))[0]?.id
        return leaves.every((leaf) => leaf === wanted)
      })
    }
    await cluster.request('DELETE', secretPath)
    await until('another Secret', isWhole)
    const lost = await load.end()
    t.comment(`${load.calls()} calls`)
    t.ok(load.calls() > 100)
    t.same(lost, [])
    t.equal((await api.secret()).metadata.labels['meshgate.dev/self-signed'], 'true')
    await end(three)
  })

  await t.test('it mends what it is called by before it is ready, also when the API server stands still', async (t) => {
    await install()
    cluster.signal('SIGSTOP')
    const late = start('late')
    await pause(5000)
    cluster.signal('SIGCONT')
    await until('readiness', () => late.isReady())
    balancer.route([late.port()])
    t.equal(await api.call(), 'accepted')
    t.equal(await late.metric('meshgate_self_ca_bundle_patches_total', 'patched'), 2)
    await end([late])
    await cluster.request('DELETE', secretPath)
  })

  await t.test('it changes its CA without a lost call, whoever is killed in whatever phase', async (t) => {
    await install()
    const phases = new Set([
      'self-signed: made the next certificate authority',
      'self-signed: put the CA bundle into',
      'self-signed: all caBundles hold the CA bundle',
      'self-signed: the next certificate authority signs',
      'self-signed: took certificate authorities out',
    ])
    let isArmed = false
    let count = 0
    const alive = new Set<ServeProcess>()
    let serving: readonly ServeProcess[] = []
    let fewest = Number.POSITIVE_INFINITY
    const route = (ready: readonly ServeProcess[]) => {
      serving = ready.filter((one) => alive.has(one))
      balancer.route(serving.map((one) => one.port()))
      if (isArmed) fewest = Math.min(fewest, serving.length)
    }
    const launch = () => {
      const replica = start(`g${++count}`, hasty, (one, message) => {
        const phase = [...phases].find((begin) => message.startsWith(begin))
        // A phase takes less time than a replica needs to start: somebody must be left, and there will be another change.
        if (!isArmed || phase === undefined || serving.length < 3) return
        one.kill('SIGKILL')
        phases.delete(phase)
        alive.delete(one)
        route(serving)
        launch()
      })
      alive.add(replica)
      return replica
    }
    const first = Array.from({ length: 4 }, launch)
    // Endpoints, as a controller keeps them: who is ready.
    const controller = new AbortController()
    const control = (async () => {
      while (!controller.signal.aborted) {
        const ready = await Promise.all([...alive].map(async (one) => ((await one.isReady()) ? [one] : [])))
        route(ready.flat())
        await pause(50)
      }
    })()
    await until('readiness', async () => serving.length === first.length)
    isArmed = true
    const [before] = authoritiesIn(await api.bundle())
    const load = api.load()
    await until('a kill in every phase', async () => phases.size === 0, { minutes: 3 })
    await until('the first CA to leave every caBundle', async () => {
      const bundles = (await api.caBundles()).flat()
      return bundles.every((bundle) => authoritiesIn(bundle).every(({ id }) => id !== before?.id))
    })
    const lost = await load.end()
    isArmed = false
    controller.abort()
    await control
    t.comment(`${load.calls()} calls; ${count} replicas, ${fewest} at least`)
    t.comment(`${lost.length} calls lost, ${balancer.unanswered()} connections at most cut off in the middle of a call`)
    t.ok(fewest > 0)
    t.ok(load.calls() > 300)
    t.same(
      lost.filter((message) => /x509|certificate|tls/i.test(message)),
      [],
      'no call was lost for want of trust',
    )
    t.ok(lost.length <= balancer.unanswered(), `nor for anything but a kill: ${lost.join('\n')}`)
    await end([...alive])
  })
})

/** What the chart grants beside what rules read: one Secret by its name, two configurations by theirs, the canary. */
function ownRights(account: string): object[] {
  const own = (resource: string, configuration: string) => ({
    apiGroups: ['admissionregistration.k8s.io'],
    resources: [resource],
    resourceNames: [configuration],
    verbs: ['get', 'patch'],
  })
  const name = `${account}-self`
  const inCluster = [
    own('validatingwebhookconfigurations', names.validating),
    own('mutatingwebhookconfigurations', names.mutating),
  ]
  const atHome = [
    { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
    { apiGroups: [''], resources: ['secrets'], resourceNames: [secretName], verbs: ['get', 'update'] },
    { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
  ]
  return [...grant(account, name, inCluster), ...grant(account, name, atHome, 'meshgate')]
}

/** What the test asks of the API server. */
function createApi(cluster: Cluster, balancer: Balancer) {
  const get = async (path: string) => JSON.parse((await cluster.request('GET', path)).body)
  const policy = JSON.stringify({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'probe', namespace: 'shop' },
    spec: { podSelector: {} },
  })
  /** A dry run of what the webhook is asked about, with failurePolicy Fail. */
  const call = async (): Promise<string> => {
    const path = '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies?dryRun=All'
    const { status, body } = await cluster.request('POST', path, policy)
    return status === 201 ? 'accepted' : String(JSON.parse(body).message)
  }
  return {
    get,
    call,
    secret: () => get(secretPath),
    bundle: async () => text((await get(secretPath)).data['ca-bundle.crt']),
    caBundles: () =>
      Promise.all(
        configurations.map(async (path) => {
          const { webhooks } = await get(path)
          return webhooks.map((one: { clientConfig: { caBundle?: string } }) => text(one.clientConfig.caBundle))
        }),
      ) as Promise<string[][]>,
    /** Calls without end, each few of them over new connections: kept ones would hide what is wrong. */
    load() {
      const ending = new AbortController()
      const lost: string[] = []
      let calls = 0
      const running = (async () => {
        while (!ending.signal.aborted) {
          const answers = await Promise.all(Array.from({ length: 6 }, call))
          calls += answers.length
          lost.push(...answers.filter((answer) => answer !== 'accepted'))
          await balancer.cut()
        }
      })()
      return {
        calls: () => calls,
        async end() {
          ending.abort()
          await running
          return lost
        },
      }
    },
  }
}

function text(base64: string | undefined): string {
  return Buffer.from(base64 ?? '', 'base64').toString('utf8')
}
