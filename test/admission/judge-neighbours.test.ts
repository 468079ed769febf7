import t from 'tap'
import { type Court, judge, mend } from '../../src/admission/judge.ts'
import { respond } from '../../src/admission/respond.ts'
import { readReview } from '../../src/admission/review.ts'
import { createStore, type Store } from '../../src/core/store.ts'
import { type KindName, kinds } from '../../src/k8s/kinds.ts'
import { loadText } from '../../src/manifests/load.ts'
import { rules } from '../../src/rules/index.ts'
import { configOf, natsService, policyFor, reviewOf, strict, type WireObject } from './reviews.ts'

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

/** The injector's registration, without which nothing is injected in a cluster. */
const injector: WireObject = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: { name: 'linkerd-proxy-injector-webhook-config' },
  webhooks: [
    {
      name: 'linkerd-proxy-injector.linkerd.io',
      clientConfig: { service: { name: 'linkerd-proxy-injector', namespace: 'linkerd' } },
      rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'services'] }],
    },
  ],
}

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
