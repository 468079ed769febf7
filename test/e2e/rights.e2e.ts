import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { judge } from '../../src/admission/judge.ts'
import { watchedKinds } from '../../src/admission/registration.ts'
import { respond } from '../../src/admission/respond.ts'
import { readReview } from '../../src/admission/review.ts'
import { accessWithout, type Right, rightsOf } from '../../src/admission/rights.ts'
import { followCluster, type LiveWorld } from '../../src/cluster/live-world.ts'
import { parseConfig } from '../../src/config/load.ts'
import { kinds } from '../../src/k8s/kinds.ts'
import { nameOf } from '../../src/report/rights-markdown.ts'
import { rules } from '../../src/rules/index.ts'
import { reviewOf, type WireObject } from '../admission/reviews.ts'
import { done, listOf } from './apply.ts'
import { startCluster } from './cluster.ts'
import { type CustomKind, define } from './custom-resources.ts'
import { access, account } from './installation.ts'
import { skipWithout } from './kit.ts'
import { silentInjector } from './linkerd-injector.ts'
import { deployment, namespace, nats, natsPods, pod, policy } from './manifests.ts'
import { mountAccount } from './service-account.ts'
import { until } from './until.ts'

/*
 * The generated rights, one taken away at a time, against the real API server: what it says it may not see, and which denials
 * are lost, are as docs/rights.md has it. With MESHGATE_KIT_CRDS, a folder of real CRDs, other projects' kinds are as they define
 * them; those that are not there, and Linkerd's and Calico's, are stubs.
 */

const skip = skipWithout('etcd, kube-apiserver and kubectl')

const config = parseConfig(
  'meshgate.yaml',
  `rules:\n${rules.map(({ id }) => `  ${id}: {enforcement: deny}\n`).join('')}`,
  rules.map(({ id }) => id),
)

/** Objects that are denied where everything is seen, and the rule that does it. */
const probes: readonly (readonly [string, WireObject])[] = [
  ['network-policy-omits-proxy-port', policy('shop', 'bad')],
  [
    'network-policy-omits-proxy-port',
    {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumNetworkPolicy',
      metadata: { name: 'bad', namespace: 'shop' },
      spec: {
        endpointSelector: { matchLabels: { app: 'api' } },
        ingress: [
          {
            fromEndpoints: [{ matchLabels: { app: 'web' } }],
            toPorts: [{ ports: [{ port: '8080', protocol: 'TCP' }] }],
          },
        ],
      },
    },
  ],
  ['pod-not-injected', pod('shop', 'bare')],
  ['server-speaks-first-port-not-opaque', nats('shop')],
  ['server-speaks-first-port-not-opaque', natsPods('shop', 'nats-pods')],
  [
    'app-protocol-treated-as-opaque',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'api', namespace: 'shop' },
      spec: { selector: { app: 'api' }, ports: [{ name: 'api', port: 8080, appProtocol: 'kubernetes.io/ws' }] },
    },
  ],
]

/** Linkerd is installed, and nobody answers: Pods come without their proxy. */
const surroundings = [
  namespace('shop'),
  deployment('shop', 'web'),
  deployment('shop', 'api'),
  {
    ...nats('shop'),
    metadata: { name: 'nats-pods', namespace: 'shop' },
    spec: { selector: { app: 'nats' }, ports: [{ port: 4222 }], clusterIP: 'None' },
  },
  silentInjector,
]

/** Kinds that are watched in these groups. */
function kindsIn(groups: (group: string) => boolean): CustomKind[] {
  return watchedKinds(rules).flatMap((kind) =>
    [kinds[kind].group, ...(kinds[kind].alsoIn ?? [])].filter(groups).map((group) => ({ ...kinds[kind], group })),
  )
}

/** The name of the account that lacks a right. */
function accountOf(missing?: Right): string {
  return missing === undefined ? 'complete' : `without-${nameOf(missing).replaceAll('/', '-')}`
}

type Tap = Pick<typeof t, 'ok' | 'same'>

const builtIn = new Set(['', 'apps', 'batch', 'networking.k8s.io', 'admissionregistration.k8s.io'])
/** Where it is served, it counts, and Calico's other group does not. */
const calicoApi = 'projectcalico.org'

t.test('the generated rights', { skip, timeout: 300_000 }, async (t) => {
  const cluster = await startCluster()
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-rights-'))
  t.teardown(async () => {
    await cluster.stop()
    rmSync(folder, { recursive: true })
  })
  const applyAll = async (items: readonly object[]) =>
    done(await cluster.kubectl(['apply', '--server-side', '-f', '-'], listOf(items)))
  const install = async (groups: (group: string) => boolean) => {
    const custom = kindsIn(groups)
    const real = await define(cluster, custom)
    const waiting = ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']
    t.equal((await cluster.kubectl(waiting)).status, 0)
    return real
  }
  await applyAll(['meshgate', 'linkerd'].map((name) => namespace(name, {})))
  const real = await install((group) => !builtIn.has(group) && group !== calicoApi)
  t.comment(`${real} kinds are as their projects define them`)
  await applyAll(surroundings)

  const all = rightsOf(rules)
  const accountWithout = (right: Right) =>
    account(accountOf(right), {
      cluster: accessWithout(access.cluster, right),
      linkerd: accessWithout(access.linkerd, right),
    })
  await applyAll([...account(accountOf(), access), ...all.flatMap(accountWithout)])

  /** A follower that has every right but this one. */
  const follow = async (missing?: Right): Promise<LiveWorld> => {
    const name = accountOf(missing)
    const credentials = await mountAccount(cluster, name, join(folder, name))
    return followCluster({
      credentials,
      kinds: watchedKinds(rules),
      linkerdNamespace: 'linkerd',
    })
  }
  const ask = (world: LiveWorld, object: WireObject) => {
    const read = readReview(reviewOf(object))
    if ('reason' in read) throw new Error(read.reason)
    const court = { rules, snapshot: world.snapshot, config: world.configWith(config), now: 0 }
    const verdict = judge(read.review, court)
    const denied = verdict.enforced
      .filter(({ enforcement }) => enforcement === 'deny')
      .map(({ finding }) => finding.rule)
    return { denied, degraded: respond(read.review, verdict, 'cluster').response.auditAnnotations?.['degraded'] ?? '' }
  }

  await t.test('it denies what it should with all of them', async (t) => {
    const world = await follow()
    await until('everything', async () => world.troubles().length === 0)
    for (const [rule, object] of probes) t.ok(ask(world, object).denied.includes(rule), `${object.kind}: ${rule}`)
    await world.stop()
  })

  /** Takes the right away, and compares what is missed then with its row. */
  const prove = async (t: Tap, right: Right, implied: boolean) => {
    const world = await follow(right)
    const forbidden = new RegExp(`synced: (.* )?"?${right.resource}(\\.[-a-z.0-9]+)? (".*" )?is forbidden`)
    const here = (line: string) =>
      forbidden.test(line) && (right.name === undefined ? !line.startsWith('ConfigMap') : line.includes(right.name))
    let last: string[] = []
    await until(`everything but ${nameOf(right)}`, async () => {
      last = world.troubles()
      return implied ? last.length === 0 : last.length === 1 && last.every(here)
    }).catch(() => t.same(last, [`${nameOf(right)} is forbidden`]))
    const lost = new Set<string>()
    for (const [rule, object] of probes) {
      const { denied, degraded } = ask(world, object)
      if (denied.includes(rule)) continue
      lost.add(rule)
      t.ok(degraded !== '', `${rule} without ${nameOf(right)} says why it does not deny`)
      t.ok(right.rules.includes(rule), `${rule} is in the row of ${nameOf(right)}`)
    }
    t.ok(
      true,
      `${nameOf(right)}: ${lost.size > 0 ? `lost ${[...lost].join(', ')}` : 'nothing lost that is asked here'}`,
    )
    await world.stop()
    return lost.size > 0
  }
  /** Calico's objects are looked for in one of two groups; and whoever may list all Deployments may list one. */
  const isImplied = ({ group, name }: Right, calico: string) =>
    (name !== undefined && group === 'apps') || (group.endsWith(calicoApi) && group !== calico)

  await t.test('it says what it may not see, right by right, and denies nothing that rests on it', async (t) => {
    const rows = all.filter(({ group }) => group !== calicoApi)
    let losing = 0
    for (let i = 0; i < rows.length; i += 4) {
      const some = rows.slice(i, i + 4).map((right) => prove(t, right, isImplied(right, `crd.${calicoApi}`)))
      losing += (await Promise.all(some)).filter(Boolean).length
    }
    t.ok(losing >= 10, `${losing} of ${rows.length} rights are missed by a denial`)
  })

  await t.test('it follows Calico’s own API where there is one', async (t) => {
    await install((group) => group === calicoApi)
    const rows = all.filter(({ group }) => group.endsWith(calicoApi))
    await Promise.all(rows.map((right) => prove(t, right, isImplied(right, calicoApi))))
  })
})
