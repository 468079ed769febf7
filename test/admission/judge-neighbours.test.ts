import t from 'tap'
import type { Court } from '../../src/admission/court.ts'
import { judge, mend } from '../../src/admission/judge.ts'
import { respond } from '../../src/admission/respond.ts'
import { readReview } from '../../src/admission/review.ts'
import { createStore, type Store } from '../../src/core/store.ts'
import { type KindName, kinds } from '../../src/k8s/kinds.ts'
import { loadText } from '../../src/manifests/load.ts'
import { rules } from '../../src/rules/index.ts'
import { configOf, injector, natsService, policyFor, reviewOf, strict, type WireObject } from './reviews.ts'

const omits = 'network-policy-omits-proxy-port'

const namespace = (annotations: object = { 'linkerd.io/inject': 'enabled' }): WireObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'shop', annotations },
})

const template = (app: string, image = 'example/web', port = 8080) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: app, image, ports: [{ containerPort: port }] }] },
})

const deployment = (app: string, more: object = {}): WireObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: app, namespace: 'shop' },
  spec: { selector: { matchLabels: { app } }, template: template(app), ...more },
})

/** A cluster with Linkerd and these objects in it, all of which is known. */
function storeOf(others: readonly WireObject[]): Store {
  const objects = [injector, ...others]
  const store = createStore()
  for (const kind of Object.keys(kinds) as KindName[]) store.mark(kind, undefined)
  const text = objects.map((one) => JSON.stringify(one)).join('\n---\n')
  for (const resource of loadText('cluster.yaml', text).resources) store.upsert(resource)
  return store
}

const courtOf = (store: Store, more: Partial<Court> = {}): Court => ({
  rules,
  snapshot: store.snapshot,
  config: strict,
  now: 0,
  ...more,
})

const reviewFrom = (object: WireObject, different: Readonly<Record<string, unknown>> = {}) => {
  const read = readReview(reviewOf(object, different))
  if ('reason' in read) throw new Error(read.reason)
  return read.review
}

type Change = { readonly to?: WireObject; readonly from?: WireObject }

/** The review of a change: to nothing it is a deletion, from nothing a creation. */
function changeOf({ to, from }: Change) {
  if (to === undefined && from !== undefined)
    return reviewFrom(from, { operation: 'DELETE', object: null, oldObject: from })
  return reviewFrom(to ?? namespace(), from === undefined ? {} : { operation: 'UPDATE', oldObject: from })
}

const verdictOn = (objects: readonly WireObject[], change: Change, more: Partial<Court> = {}) =>
  judge(changeOf(change), courtOf(storeOf(objects), more))

/** What the change does to others, in short. */
const elsewhere = (objects: readonly WireObject[], change: Change, more: Partial<Court> = {}) =>
  verdictOn(objects, change, more).elsewhere.map(
    ({ finding, enforcement }) => `${enforcement} ${finding.rule} ${finding.subject.kind}/${finding.subject.name}`,
  )

const web = deployment('web')
const warned = [`warn ${omits} NetworkPolicy/web`]

t.test('it warns who meshes a namespace of the policies in it', async (t) => {
  const plain = namespace({})
  t.same(elsewhere([plain, web, policyFor([8080])], { from: plain, to: namespace() }), warned)
  t.same(elsewhere([plain, web, policyFor([8080, 4143])], { from: plain, to: namespace() }), [])
  const labelled = { ...namespace(), metadata: { ...namespace().metadata, labels: { team: 'a' } } }
  t.same(
    elsewhere([namespace(), web, policyFor([8080])], { from: namespace(), to: labelled }),
    [],
    'what was, is not news',
  )
})

t.test('it warns who brings a workload of the policies it comes into', async (t) => {
  const isolated = [namespace(), policyFor([8080])]
  t.same(elsewhere(isolated, { to: web }), warned, 'also where it was feared before')
  t.same(elsewhere(isolated, { to: deployment('other') }), [])
  t.same(elsewhere([...isolated, web], { from: web, to: deployment('web', { replicas: 3 }) }), [])
  const silent = configOf(`rules: {${omits}: {enforcement: "off"}}`)
  t.same(elsewhere(isolated, { to: web }, { config: silent }), [], 'what is off is off')
})

t.test('it warns who takes away what others relied on, and never denies it', async (t) => {
  const grants = policyFor([4143], { name: 'grants' })
  const objects = [namespace(), web, policyFor([8080]), grants]
  t.same(elsewhere(objects, { from: grants }), warned)
  t.same(verdictOn(objects, { from: grants }).enforced, [])
  t.same(
    elsewhere(objects, { from: grants, to: policyFor([9090], { name: 'grants' }) }).includes(warned[0] ?? ''),
    true,
  )
  t.same(
    elsewhere([...objects, policyFor([4143], { name: 'also' })], { from: grants }),
    [],
    'another one grants it too',
  )
})

t.test('it warns of what becomes of Pods when their Service changes, and judges the Service itself', async (t) => {
  const opaque = natsService({ annotations: { 'config.linkerd.io/opaque-ports': '4222' } })
  const objects = [namespace(), opaque]
  const verdict = verdictOn(objects, { from: opaque, to: natsService() })
  t.match(verdict.enforced, [{ enforcement: 'deny', finding: { rule: 'server-speaks-first-port-not-opaque' } }])

  const nats: WireObject = {
    ...deployment('nats', { serviceName: 'nats', template: template('nats', 'nats:2', 4222) }),
    kind: 'StatefulSet',
  }
  const headless = { ...natsService(), spec: { ...(natsService()['spec'] as object), clusterIP: 'None' } }
  const byName = elsewhere([namespace(), opaque, nats], { from: opaque, to: headless })
  t.same(byName, ['warn server-speaks-first-port-not-opaque StatefulSet/nats'], 'its Pods are dialled by name now')
})

t.test('it leaves what a controller makes to whoever owns it', async (t) => {
  const pod = (metadata: object): WireObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'web-1',
      namespace: 'shop',
      labels: { app: 'web', 'linkerd.io/control-plane-ns': 'linkerd' },
      ...metadata,
    },
    spec: {
      containers: [
        ...template('web').spec.containers,
        { name: 'linkerd-proxy', image: 'cr.l5d.io/linkerd/proxy:edge-26.8.3' },
      ],
    },
  })
  // Two, for nobody needs the network to reach himself.
  const objects = [namespace(), policyFor([8080]), pod({ name: 'web-0' })]
  t.same(elsewhere(objects, { to: pod({}) }), warned)
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', controller: true }
  t.same(elsewhere(objects, { to: pod({ ownerReferences: [owner] }) }), [])
})

t.test('it judges two hundred neighbours, and counts the rest', async (t) => {
  const plain = namespace({})
  const many = Array.from({ length: 250 }, (_, i) => policyFor([8080], { name: `web-${i}` }))
  const { elsewhere, notes } = verdictOn([plain, web, ...many], { from: plain, to: namespace() })
  t.equal(elsewhere.length, 200)
  t.match(notes, [/^5\d objects beside it were not judged again/])
})

t.test('it stops when there is no time left, and says so; the subject is judged all the same', async (t) => {
  const plain = namespace({})
  const many = Array.from({ length: 20 }, (_, i) => policyFor([8080], { name: `web-${i}` }))
  const objects = [plain, web, ...many]
  for (const [looks, found] of [
    [0, 0],
    [10, 0],
    [25, 5],
    [1000, 20],
  ] as const) {
    let left = looks
    const only = rules.filter(({ id }) => id === omits)
    const outOfTime = () => left-- <= 0
    const verdict = verdictOn(objects, { from: plain, to: namespace() }, { rules: only, outOfTime })
    t.equal(verdict.elsewhere.length, found, `${looks} looks: twenty to find, and one to compare each`)
    t.equal(verdict.notes.length, found === 20 ? 0 : 1)
  }
  const late = verdictOn([namespace(), web], { to: policyFor([8080]) }, { outOfTime: () => true })
  t.match(late.enforced, [{ enforcement: 'deny' }])
})

t.test('it denies nothing by what is not known, and says what was skipped', async (t) => {
  const answerTo = (store: Store, change: Change) =>
    respond(changeOf(change), judge(changeOf(change), courtOf(store)), 'cluster').response
  const store = storeOf([namespace(), web])
  t.match(answerTo(store, { to: policyFor([8080]) }), { allowed: false })

  store.mark('Pod', { as: 'stale', why: 'nothing for 5 minutes' })
  const stale = answerTo(store, { to: policyFor([8080]) })
  t.match(stale, { allowed: true, auditAnnotations: { warn: omits, degraded: /Pod/ } })
  t.match(stale.warnings, [
    /4143/,
    /^judged by an old state: Pod objects are stale \(nothing for 5 minutes\); network-/,
  ])

  store.mark('Pod', { as: 'unsynced', why: 'forbidden' })
  const unsynced = answerTo(store, { to: policyFor([8080]) })
  t.match(unsynced, { allowed: true, auditAnnotations: { degraded: /^Pod$/ } })
  t.match(unsynced.warnings, [/^not judged: Pod objects are not known \(forbidden\); skipped network-policy-/])

  store.mark('Pod', undefined)
  store.mark('NetworkPolicy', { as: 'unsynced', why: 'forbidden' })
  t.match(answerTo(store, { to: deployment('api') }).warnings, [
    /^not judged: NetworkPolicy objects are not known \(forbidden\); skipped network-policy-/,
  ])
  for (const kind of Object.keys(kinds) as KindName[]) store.mark(kind, { as: 'unsynced', why: 'no route' })
  const { warnings } = answerTo(store, { to: policyFor([8080]) })
  t.match(warnings, [/^not judged: \w+ objects and those of \d+ more kinds are not known \(no route\); skipped/])
  t.equal(warnings?.length, 1, 'one cause, one line')

  const label = { 'linkerd.io/control-plane-ns': 'linkerd' }
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', namespace: 'shop', labels: label }, spec: {} }
  t.match(answerTo(store, { to: pod }), { allowed: false }, 'what an object says by itself is judged')
})

t.test('it mends nothing that rests on an old state', async (t) => {
  const store = storeOf([namespace()])
  t.equal(mend(changeOf({ to: natsService() }), courtOf(store)).edits.length, 1)
  store.mark('Namespace', { as: 'stale', why: 'nothing for 5 minutes' })
  t.same(mend(changeOf({ to: natsService() }), courtOf(store)).edits, [])
})

/** A namespace beside the shop, whose policies mean it, or do not. */
const club = (inject: string, labels: Readonly<Record<string, string>> = { tier: 'front' }): WireObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: 'club',
    labels: { 'kubernetes.io/metadata.name': 'club', ...labels },
    annotations: { 'linkerd.io/inject': inject },
  },
})

const inClub = (object: WireObject): WireObject => ({ ...object, metadata: { ...object.metadata, namespace: 'club' } })

/** A policy of the shop that lets in whom a selector of namespaces means. */
const policyFrom = (
  namespaceSelector: object,
  ports: readonly number[] = [8080],
  name = 'web',
  podSelector: object = {},
): WireObject => {
  const policy = policyFor(ports, { name })
  const ingress = [
    { from: [{ namespaceSelector, podSelector }], ports: ports.map((port) => ({ port, protocol: 'TCP' })) },
  ]
  return { ...policy, spec: { ...(policy['spec'] as object), ingress } }
}

/** The same with rules in one policy. */
const together = (...all: readonly WireObject[]): WireObject => {
  const [first = policyFor([8080])] = all
  const ingress = all.flatMap(({ spec }) => (spec as { readonly ingress: readonly object[] }).ingress)
  return { ...first, spec: { ...(first['spec'] as object), ingress } }
}

const named = (name: string) => ({ matchLabels: { 'kubernetes.io/metadata.name': name } })
const tier = (value: string) => ({ matchLabels: { tier: value } })
const front = tier('front')

/** Policies of the cluster about Pods of some namespaces, which let the same ones in. */
const wideOf = {
  cilium: (namespace: string, ports: readonly number[]): WireObject => {
    const fromEndpoints = [{ matchLabels: { 'k8s:io.kubernetes.pod.namespace': 'club' } }]
    const toPorts = [{ ports: ports.map((port) => ({ port: String(port), protocol: 'TCP' })) }]
    return {
      apiVersion: 'cilium.io/v2',
      kind: 'CiliumClusterwideNetworkPolicy',
      metadata: { name: 'wide' },
      spec: {
        endpointSelector: { matchLabels: { 'k8s:io.kubernetes.pod.namespace': namespace } },
        ingress: [{ fromEndpoints, toPorts }],
      },
    }
  },
  calico: (namespace: string, ports: readonly number[]): WireObject => ({
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkPolicy',
    metadata: { name: 'wide' },
    spec: {
      namespaceSelector: `kubernetes.io/metadata.name == '${namespace}'`,
      types: ['Ingress'],
      ingress: [
        {
          action: 'Allow',
          protocol: 'TCP',
          source: { namespaceSelector: 'all()' },
          destination: { ports: [...ports] },
        },
      ],
    },
  }),
  admin: (namespace: string, ports: readonly number[]): WireObject => ({
    apiVersion: 'policy.networking.k8s.io/v1alpha1',
    kind: 'AdminNetworkPolicy',
    metadata: { name: 'wide' },
    spec: {
      priority: 5,
      subject: { namespaces: named(namespace) },
      ingress: [
        {
          action: 'Allow',
          from: [{ namespaces: {} }],
          ports: ports.map((port) => ({ portNumber: { port, protocol: 'TCP' } })),
        },
      ],
    },
  }),
  cluster: (namespace: string, ports: readonly number[]): WireObject => ({
    apiVersion: 'policy.networking.k8s.io/v1alpha2',
    kind: 'ClusterNetworkPolicy',
    metadata: { name: 'wide' },
    spec: {
      tier: 'Admin',
      priority: 5,
      subject: { namespaces: named(namespace) },
      ingress: [
        {
          action: 'Accept',
          from: [{ namespaces: {} }],
          protocols: ports.map((number) => ({ tcp: { destinationPort: { number } } })),
        },
      ],
    },
  }),
}

const guest = inClub(deployment('guest'))

t.test('it warns who meshes a namespace of the policies elsewhere that let its Pods in', async (t) => {
  // Pods of the shop itself are let in by another policy.
  const shop = [namespace(), web, policyFor([4143], { name: 'own' })]
  const meshing = { from: club('disabled'), to: club('enabled') }
  for (const [what, policy, expected] of [
    ['by its name', policyFrom(named('club')), warned],
    ['by its name, with the port', policyFrom(named('club'), [8080, 4143]), []],
    ['by its labels', policyFrom(front), warned],
    ['as any', policyFrom({}), warned],
    ['not by these labels', policyFrom(tier('back')), []],
    ['another one', policyFrom(named('bar')), []],
    ['by its labels, but other Pods', policyFrom(front, [8080], 'web', { matchLabels: { app: 'none' } }), []],
    ['by a rule that has the port', together(policyFrom(front, [8080, 4143]), policyFrom(tier('back'))), []],
    ['by a rule without the port', together(policyFrom(front), policyFrom(tier('back'), [4143])), warned],
    ['to ask the DNS', policyFrom(named('club'), [53]), []],
  ] as const)
    t.same(elsewhere([...shop, club('disabled'), guest, policy], meshing), expected, what)
  const world = [...shop, club('enabled'), guest, policyFrom(tier('back'))]
  t.same(elsewhere(world, { from: club('enabled'), to: club('enabled', { tier: 'back' }) }), warned, 'new labels')
  t.same(elsewhere(world, { from: club('enabled'), to: club('enabled', { tier: 'side' }) }), [])

  const verdict = verdictOn([...shop, club('disabled'), guest, policyFrom(front)], meshing)
  t.match(verdict, { enforced: [], notes: [] })
  t.match(
    verdict.elsewhere[0]?.finding.text,
    /^TCP 4143 is missing beside 8080: Deployment club\/guest cannot reach Deployment shop\/web/,
  )
})

t.test('it warns who meshes a namespace of the policies of the cluster about it', async (t) => {
  const meshing = { from: club('disabled'), to: club('enabled') }
  const world = [club('disabled'), guest, inClub(deployment('other'))]
  for (const [dialect, wide] of Object.entries(wideOf)) {
    const { kind } = wide('club', [8080])
    const isOrdered = dialect === 'admin' || dialect === 'cluster'
    // What only comes before the other policies takes nothing away.
    const expected = isOrdered
      ? []
      : [`warn ${omits} ${kind === 'GlobalNetworkPolicy' ? 'CalicoGlobalNetworkPolicy' : kind}/wide`]
    t.same(elsewhere([...world, wide('club', [8080])], meshing), expected, dialect)
    t.same(elsewhere([...world, wide('club', [8080, 4143])], meshing), [], dialect)
    t.same(elsewhere([...world, wide('shop', [8080])], meshing), [], `${dialect}, about another namespace`)
  }
})

t.test('it warns who takes a namespace away from those whom a policy elsewhere means', async (t) => {
  const bar = { ...club('disabled'), metadata: { ...club('disabled').metadata, name: 'bar' } }
  const either = {
    matchLabels: { tier: 'front' },
    matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['club', 'bar'] }],
  }
  const world = [namespace(), web, bar, club('enabled'), guest, policyFrom(either, [4143])]
  const useless = ['warn network-policy-opens-proxy-port-to-unmeshed NetworkPolicy/web']
  t.same(elsewhere(world, { from: club('enabled'), to: club('enabled', { tier: 'back' }) }), useless)
  t.same(elsewhere(world, { from: club('enabled'), to: club('enabled', { tier: 'front', more: 'x' }) }), [])
})

t.test('it asks nobody again when a Namespace changes in what does not matter', async (t) => {
  const own = inClub(policyFor([8080]))
  const world = [namespace(), web, club('disabled'), guest, policyFrom(front), own]
  const labelled = club('disabled')
  const noted = {
    ...labelled,
    metadata: { ...labelled.metadata, annotations: { 'linkerd.io/inject': 'disabled', note: 'x' } },
  }
  for (const [what, to, asked] of [
    ['nothing', labelled, 0],
    ['a note', noted, 0],
    ['that it goes', undefined, 0],
    ['its being meshed', club('enabled'), 2],
  ] as const) {
    let looks = 0
    const only = rules.filter(({ id }) => id === omits)
    const outOfTime = () => looks++ < 0
    verdictOn(world, { from: labelled, ...(to ? { to } : {}) }, { rules: only, outOfTime })
    // One look for each object that is judged again, and one for each with a finding.
    t.equal(looks, 2 * asked, what)
  }
})

t.test('it asks no policy again that says the same of others who are there', async (t) => {
  const place = {
    ...club('enabled', { tier: 'back' }),
    metadata: { ...club('enabled', { tier: 'back' }).metadata, name: 'bar' },
  }
  const twin = { ...guest, metadata: { ...guest.metadata, namespace: 'bar' } }
  const shop = [namespace(), web, policyFor([4143], { name: 'own' }), policyFrom({}), club('disabled'), guest]
  const meshing = { from: club('disabled'), to: club('enabled') }
  const looksIn = (objects: readonly WireObject[]) => {
    let looks = 0
    const only = rules.filter(({ id }) => id === omits)
    const told = elsewhere(objects, meshing, { rules: only, outOfTime: () => looks++ < 0 })
    return { looks, told }
  }
  t.same(looksIn([...shop, place]), { looks: 2, told: warned }, 'nobody else is there')
  t.same(looksIn([...shop, place, twin]), { looks: 0, told: [] }, 'they would be as wrong before')
  const back = policyFrom(tier('back'), [4143], 'back')
  t.same(looksIn([...shop, place, twin, back]), { looks: 2, told: warned }, 'another policy tells them apart')
  t.same(looksIn([...shop, place, twin, policyFrom(named('club'), [8080], 'named')]).looks, 4, 'as does one by name')
})

t.test('it warns who takes away a policy of the cluster of those that relied on it', async (t) => {
  const shop = [namespace(), web, club('enabled'), guest, policyFor([4143], { name: 'own' }), policyFrom(named('club'))]
  for (const [dialect, wide] of Object.entries(wideOf)) {
    const grants = wide('shop', [4143])
    t.same(elsewhere([...shop, grants], { from: grants }), warned, dialect)
    t.same(
      elsewhere([...shop, grants], { from: grants, to: wide('bar', [4143]) }),
      warned,
      `${dialect}, about others now`,
    )
    t.same(elsewhere([...shop, grants], { from: grants, to: wide('shop', [4143, 9090]) }), [], `${dialect}, still`)
    const others = wide('bar', [4143])
    t.same(elsewhere([...shop, others], { from: others }), [], `${dialect}, about others`)
  }
})

t.test('it warns who takes away a policy of a namespace of those of the cluster that relied on it', async (t) => {
  const grants: WireObject = {
    apiVersion: 'cilium.io/v2',
    kind: 'CiliumNetworkPolicy',
    metadata: { name: 'grants', namespace: 'shop' },
    spec: {
      endpointSelector: { matchLabels: { app: 'web' } },
      ingress: [{ fromEntities: ['cluster'], toPorts: [{ ports: [{ port: '4143', protocol: 'TCP' }] }] }],
    },
  }
  const world = [namespace(), web, club('enabled'), guest, wideOf.cilium('shop', [8080]), grants]
  t.same(elsewhere(world, { from: grants }), [`warn ${omits} CiliumClusterwideNetworkPolicy/wide`])
  const other = {
    ...grants,
    spec: { ...(grants['spec'] as object), endpointSelector: { matchLabels: { app: 'api' } } },
  }
  t.same(elsewhere([...world.slice(0, -1), other], { from: other }), [], 'it was about other Pods')
  const alike = inClub({ ...policyFrom({}), metadata: { name: 'alike', namespace: 'club' } })
  t.same(
    elsewhere([...world, alike], { from: policyFor([4143]) }),
    [],
    'policies of other namespaces rely on their own',
  )
})

t.test('it warns who brings a workload of the policies elsewhere that let it in', async (t) => {
  const shop = [namespace(), web, policyFor([4143], { name: 'own' }), club('enabled')]
  for (const [what, policy, expected] of [
    ['by the name of its namespace', policyFrom(named('club')), warned],
    ['with the port', policyFrom(named('club'), [8080, 4143]), []],
    ['by labels of its namespace', policyFrom(front), warned],
    ['another one', policyFrom(named('bar')), []],
    ['anybody', policyFrom({}), warned],
  ] as const)
    t.same(elsewhere([...shop, policy], { to: guest }), expected, what)
  const about = wideOf.calico('club', [8080])
  t.same(elsewhere([...shop, about], { to: guest }), [`warn ${omits} CalicoGlobalNetworkPolicy/wide`], 'about it')
  t.same(elsewhere([...shop, wideOf.calico('bar', [8080])], { to: guest }), [])
  const unmeshed = {
    ...guest,
    spec: { template: { ...template('guest'), metadata: { annotations: { 'linkerd.io/inject': 'disabled' } } } },
  }
  t.same(elsewhere([...shop, policyFrom(front)], { to: unmeshed }), [])
  const more = { ...guest, spec: { ...(guest['spec'] as object), replicas: 9 } }
  t.same(elsewhere([...shop, policyFrom(front), guest], { from: guest, to: more }), [])
})

t.test('it judges those of its own namespace first, then those that name it, up to two hundred in all', async (t) => {
  const meshing = { from: club('disabled'), to: club('enabled') }
  const many = (count: number, make: (name: string) => WireObject) =>
    Array.from({ length: count }, (_, i) => make(`p${count}-${i}`))
  const world = [
    namespace(),
    web,
    policyFor([4143], { name: 'own' }),
    club('disabled'),
    guest,
    ...many(70, (name) => policyFrom({}, [8080], name)),
    ...many(80, (name) => policyFrom(front, [8080], name)),
    ...many(60, (name) => policyFrom(named('club'), [8080], name)),
    ...many(50, (name) =>
      inClub({ ...policyFor([8080], { name }), spec: { ...(policyFor([8080])['spec'] as object), podSelector: {} } }),
    ),
  ]
  const only = rules.filter(({ id }) => id === omits)
  const { elsewhere: told, notes } = verdictOn(world, meshing, { rules: only })
  const counts = new Map<string, number>()
  for (const { finding } of told) {
    const [group = ''] = finding.subject.name.split('-')
    counts.set(group, (counts.get(group) ?? 0) + 1)
  }
  t.same(Object.fromEntries(counts), { p50: 50, p60: 60, p80: 80, p70: 10 })
  t.same(notes, ['60 objects beside it were not judged again; run meshgate check on them'])
})
