import fc from 'fast-check'
import t from 'tap'
import { snapshotOf } from '../../../src/core/snapshot.ts'
import { viewOf } from '../../../src/core/view.ts'
import type { Resource } from '../../../src/k8s/resource.ts'
import { reachReads } from '../../../src/linkerd/reach/reach-ends.ts'
import { type Link, mostPairs, type Reachability, reachabilityOf } from '../../../src/linkerd/reach/reachability.ts'
import { defaultSettings, type LinkerdSettings } from '../../../src/linkerd/settings.ts'
import { namespaceNameLabel } from '../../../src/policy/policy.ts'
import { formatPorts, hasPort } from '../../../src/policy/port-set.ts'
import { policyKinds, translate } from '../../../src/policy/translate.ts'
import { verdictOn } from '../../../src/policy/verdict.ts'
import { readPolicy } from '../../policy/translated.ts'
import { policies, specOf } from '../policies/small-policies.ts'
import { namespace, pod, policy, resource } from '../world.ts'

function reach(
  resources: readonly Resource[],
  {
    every = false,
    most = mostPairs,
    only,
    ...settings
  }: Partial<LinkerdSettings> & { every?: boolean; most?: number; only?: string } = {},
): Reachability {
  const view = viewOf(snapshotOf(resources, 'input'), reachReads, { ...defaultSettings, ...settings }, 'declared')
  return reachabilityOf(
    view,
    { from: () => true, to: () => true, namespace: (name) => only === undefined || name === only, every },
    most,
  )
}

/** `Pod a/web → Pod a/api: broken 8080`, with a question mark where it is not certain. */
function words({ links }: Reachability): string[] {
  const names = (ends: Link['from']) => ends.map(({ name }) => name.replace('Pod ', '')).join('+')
  return links.map(
    ({ from, to, verdict, certain, ports }) =>
      `${names(from)} → ${names(to)}: ${verdict}${certain ? '' : '?'} ${formatPorts(ports)}`,
  )
}

const app = (name: string) => ({ matchLabels: { app: name } })
const serving = (name: string, spec: object = {}) =>
  pod(name, { labels: { app: name }, spec: { containers: [{ name, ports: [{ containerPort: 8080 }] }], ...spec } })
const meshed = namespace('a', 'enabled')
const [web, api, other] = [serving('web'), serving('api'), serving('other')]
const ingress = (ports: readonly object[], from: readonly object[] = [{ podSelector: app('web') }]) =>
  policy('api', { podSelector: app('api'), ingress: [{ from, ports }] })

t.test('it says what becomes of each pair', async (t) => {
  const egress = (to: readonly object[], ports: readonly object[]) =>
    policy('out', { podSelector: app('web'), policyTypes: ['Egress'], egress: [{ to, ports }] })
  const cases: [string, readonly Resource[], readonly string[]][] = [
    ['nothing', [], []],
    ['no policy', [meshed, web, api], []],
    ['the application port alone', [meshed, web, api, ingress([{ port: 8080 }])], ['a/web → a/api: broken 8080']],
    ['both', [meshed, web, api, ingress([{ port: 8080 }, { port: 4143 }])], ['a/web → a/api: open 8080']],
    ['the mesh alone', [meshed, web, api, ingress([{ port: 4143 }])], ['a/web → a/api: mesh-only ']],
    ['a default deny', [meshed, web, api, policy('deny', { podSelector: {} })], []],
    ['nobody meshed', [namespace('a'), web, api, ingress([{ port: 8080 }])], ['a/web → a/api: open 8080']],
    ['a namespace nobody gave', [web, api, ingress([{ port: 8080 }])], ['a/web → a/api: broken? 8080']],
    [
      'addresses that may be Pods',
      [
        meshed,
        web,
        api,
        ingress([{ port: 8080 }]),
        policy('net', {
          podSelector: app('api'),
          ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }],
        }),
      ],
      ['a/web → a/api: broken? 8080'],
    ],
    [
      'egress to everybody on a port that nobody has',
      [meshed, web, api, egress([], [{ port: 443 }])],
      ['a/web → a/api: unserved 443'],
    ],
    [
      'egress to one that does not declare the port',
      [meshed, web, api, egress([{ podSelector: app('api') }], [{ port: 9000 }])],
      ['a/web → a/api: broken 9000'],
    ],
    ['DNS, which the mesh does not carry', [meshed, web, api, ingress([{ port: 53 }])], ['a/web → a/api: open 53']],
    ['who is on the host network', [meshed, web, serving('api', { hostNetwork: true }), ingress([{ port: 8080 }])], []],
    [
      'two that nothing tells apart',
      [
        meshed,
        pod('one', { labels: { app: 'web' } }),
        pod('two', { labels: { app: 'web' } }),
        api,
        ingress([{ port: 8080 }]),
      ],
      ['a/one+a/two → a/api: broken 8080'],
    ],
  ]
  for (const [name, resources, expected] of cases) t.same(words(reach(resources)), expected, name)
})

t.test('it names what breaks a pair, and what closes one', async (t) => {
  const causes = (...resources: readonly Resource[]) =>
    reach([meshed, web, api, ...resources], { every: true })
      .links.filter(({ from, to }) => from[0]?.name === 'Pod a/web' && to[0]?.name === 'Pod a/api')
      .flatMap((link) => link.causes)
      .map(({ rule, direction, policy, path }) => `${rule} ${direction} ${policy.name} ${path.join('.')}`)
  t.same(causes(ingress([{ protocol: 'UDP', port: 53 }, { port: 8080 }])), [
    'network-policy-omits-proxy-port ingress api spec.ingress.0.ports.1',
  ])
  t.same(causes(policy('deny', { podSelector: app('api') })), ['undefined ingress deny spec'])
  const cilium = {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { name: 'no-mesh', namespace: 'a' },
    spec: {
      endpointSelector: app('api'),
      ingressDeny: [{ fromEndpoints: [app('web')], toPorts: [{ ports: [{ port: '4143', protocol: 'TCP' }] }] }],
    },
  }
  t.same(causes(readPolicy(cilium), ingress([{ port: 8080 }, { port: 4143 }])), [
    'network-policy-denies-proxy-port ingress no-mesh spec.ingressDeny.0',
  ])
})

t.test('it counts every pair once', async (t) => {
  const { pairs } = reach([meshed, web, api, other, ingress([{ port: 8080 }])])
  t.match(pairs, { broken: 1, open: 0, closed: 1, unrestricted: 4, skipped: 0 })
  const every = reach([meshed, web, api, other, ingress([{ port: 8080 }])], { every: true })
  t.same(every.pairs, pairs)
  t.equal(every.links.flatMap(({ from, to }) => from.flatMap(() => to)).length, 6)
})

t.test('it keeps to pairs with one end in a namespace', async (t) => {
  const far = ['x', 'y'].map((name) => pod(name, { namespace: 'b', labels: { app: name } }))
  const { pairs } = reach([meshed, namespace('b'), web, api, ...far, ingress([{ port: 8080 }])], { only: 'a' })
  t.match(pairs, { broken: 1, closed: 2, unrestricted: 7, skipped: 0 })
  const all = { every: true, only: 'b' }
  t.equal(reach([meshed, namespace('b'), web, ...far], all).links.length, 3)
})

t.test('it counts Pods and ReplicaSets as the workload that made them', async (t) => {
  const owned = (name: string, kind: string, owner: string, by: string, spec: object) => ({
    apiVersion: kind === 'Pod' ? 'v1' : 'apps/v1',
    kind,
    metadata: { name, namespace: 'a', labels: { app: 'web' }, ownerReferences: [{ kind: owner, name: by }] },
    spec,
  })
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web' }] } }
  const set = resource('ReplicaSet', owned('web-1', 'ReplicaSet', 'Deployment', 'web', { template }))
  const pods = ['x', 'y'].map((name) =>
    resource('Pod', owned(`web-1-${name}`, 'Pod', 'ReplicaSet', 'web-1', template.spec)),
  )
  const { workloads } = reach([meshed, set, ...pods, api])
  t.same(
    workloads.map(({ name, pod }) => [name, pod.replicas]),
    [
      ['Deployment a/web', 'many'],
      ['Pod a/api', 'one'],
    ],
  )
})

t.test('it says what it does not hold', async (t) => {
  const lost = policy('lost', { podSelector: {} }, ['$', '{NS}'].join(''))
  t.match(reach([meshed, web, lost]).doubts, [{ reason: /namespace is not filled in/ }])
})

t.test('it agrees with the verdict on every pair and port', async (t) => {
  const labels: readonly object[] = [{}, { app: 'x' }, { app: 'y' }, { app: 'x', constructor: 'y' }]
  const pods = ['a', 'b', 'c'].flatMap((home) =>
    labels.map((own, i) =>
      pod(`p${i}`, {
        namespace: home,
        labels: own,
        spec: { containers: [{ name: 'c', ports: [{ name: 'linkerd-proxy', containerPort: 4143 }] }] },
      }),
    ),
  )
  const namespaces = ['a', 'b', 'c'].map((name) =>
    resource('Namespace', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name,
        labels: name === 'c' ? {} : { team: name === 'a' ? 'x' : 'y' },
        annotations: name === 'c' ? {} : { 'linkerd.io/inject': 'enabled' },
      },
    }),
  )
  let asked = 0
  let broken = 0
  fc.assert(
    fc.property(policies, (written) => {
      const objects = written.map((one, i) => policy(`n${i}`, specOf(one)))
      const translations = objects.flatMap((object) => translate(object))
      const { links, pairs, workloads } = reach([...namespaces, ...pods, ...objects], { every: true })
      const all = workloads.length * (workloads.length - 1)
      if (Object.values(pairs).reduce((sum, count) => sum + count, 0) !== all) return false
      return links.every((link) =>
        link.from.every((from) =>
          link.to.every((to) => {
            if (from === to) return true
            const end = ({ pod }: typeof from) => ({
              namespace: pod.namespace,
              labels: pod.labels,
              namespaceLabels: {
                ...namespaces.find(({ name }) => name === pod.namespace)?.metadata.labels,
                [namespaceNameLabel]: pod.namespace,
              } as Record<string, string>,
              named: pod.named,
            })
            const allowed = (port: number) =>
              verdictOn(translations, 'egress', end(from), end(to), port).allowed &&
              verdictOn(translations, 'ingress', end(to), end(from), port).allowed
            const both = from.pod.meshed === 'yes' && to.pod.meshed === 'yes'
            const ports = [1, 53, 4000, 4142, 4144, 4191, 5000, 8079, 8080, 8081, 9000, 9005, 9010, 9011, 65535]
            const carried = ports.filter((port) => both && port !== 53 && port !== 4191 && port !== 4190)
            asked += ports.length
            const dead = both && !allowed(4143) && carried.some(allowed)
            if (dead) broken++
            if (dead !== (link.verdict === 'broken' || link.verdict === 'unserved')) return false
            if (dead) return carried.every((port) => hasPort(link.ports, port) === allowed(port))
            return (
              ports.every((port) => hasPort(link.ports, port) === allowed(port)) &&
              link.wireOpen === (both && allowed(4143))
            )
          }),
        ),
      )
    }),
    { numRuns: 150, seed: 5 },
  )
  t.ok(asked > 100_000 && broken > 500, `${asked} verdicts, ${broken} broken pairs`)
})

t.test('it takes every dialect', async (t) => {
  const rules = { ports: [{ portNumber: { port: 8080, protocol: 'TCP' } }] }
  const objects = [
    {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumNetworkPolicy',
      metadata: { name: 'p', namespace: 'a' },
      spec: {
        endpointSelector: app('api'),
        ingress: [{ fromEndpoints: [app('web')], toPorts: [{ ports: [{ port: '8080', protocol: 'TCP' }] }] }],
      },
    },
    {
      apiVersion: 'projectcalico.org/v3',
      kind: 'NetworkPolicy',
      metadata: { name: 'p', namespace: 'a' },
      spec: {
        selector: "app == 'api'",
        ingress: [
          { action: 'Allow', protocol: 'TCP', source: { selector: "app == 'web'" }, destination: { ports: [8080] } },
        ],
      },
    },
    {
      apiVersion: 'policy.networking.k8s.io/v1alpha1',
      kind: 'BaselineAdminNetworkPolicy',
      metadata: { name: 'default' },
      spec: {
        subject: { pods: { namespaceSelector: {}, podSelector: app('api') } },
        ingress: [
          { action: 'Allow', from: [{ pods: { namespaceSelector: {}, podSelector: app('web') } }], ...rules },
          { action: 'Deny', from: [{ namespaces: {} }] },
        ],
      },
    },
  ]
  t.ok(policyKinds.length >= 8)
  for (const object of objects)
    t.same(words(reach([meshed, web, api, readPolicy(object)])), ['a/web → a/api: broken 8080'], object.kind)
})

t.test('thousands of workloads stay few questions, and what is too much is counted', async (t) => {
  const names = Array.from({ length: 3000 }, (_, i) => `w${i}`)
  const all = names.flatMap((name, i) => [
    serving(name),
    policy(name, {
      podSelector: app(name),
      ingress: [{ from: [{ podSelector: app(`w${(i + 1) % names.length}`) }], ports: [{ port: 8080 }] }],
    }),
  ])
  const sparse = reach([meshed, ...all])
  t.match(sparse.pairs, { broken: 3000, closed: 3000 * 2999 - 3000, skipped: 0 })
  const few = names
    .slice(0, 100)
    .flatMap((name) => [
      serving(name),
      policy(name, { podSelector: app(name), ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080 }] }] }),
    ])
  const { pairs, links } = reach([meshed, ...few], { most: 50 })
  t.match(pairs, { broken: 50, skipped: 9850 })
  t.equal(links.length, 50)
})
