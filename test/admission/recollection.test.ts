import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { Court, Verdict } from '../../src/admission/court.ts'
import { judge } from '../../src/admission/judge.ts'
import { type Review, readReview } from '../../src/admission/review.ts'
import { defaultConfig } from '../../src/config/config.ts'
import { createStore, type Store } from '../../src/core/store.ts'
import { type KindName, kinds } from '../../src/k8s/kinds.ts'
import { readResource } from '../../src/k8s/resource.ts'
import { createCertificateWorld } from '../../src/pki/certificate-world.ts'
import { rules } from '../../src/rules/index.ts'
import { reviewOf, type WireObject } from './reviews.ts'

const digest = (text: string) => hash('sha256', text, 'base64')

const read = (object: WireObject, old?: WireObject): Review => {
  const update = old === undefined ? {} : { operation: 'UPDATE', oldObject: old }
  const result = readReview(JSON.parse(JSON.stringify(reviewOf(object, update))))
  if ('reason' in result) throw new Error(result.reason)
  return result.review
}

const put = (store: Store, object: WireObject) => {
  const found = readResource(JSON.parse(JSON.stringify(object)))
  if (found.as !== 'resource') throw new Error(JSON.stringify(found))
  store.upsert(found.resource)
}

/** A cluster of which every kind is known, and a court in it whose rules are counted as they are asked. */
function courtIn(objects: readonly WireObject[], config = defaultConfig) {
  const store = createStore()
  for (const kind of Object.keys(kinds) as KindName[]) store.mark(kind, undefined)
  for (const object of objects) put(store, object)
  let asked = 0
  const counted = rules.map((rule) => ({
    ...rule,
    check: Object.fromEntries(
      Object.entries(rule.check).map(([kind, check]) => [
        kind,
        (subject: never, view: never) => {
          asked++
          return check(subject, view)
        },
      ]),
    ),
  }))
  const court: Court = { rules: counted, snapshot: store.snapshot, config, now: 0, digest }
  return {
    store,
    court,
    /** How many rules the review had to ask. */
    costOf: (review: Review): number => {
      const before = asked
      judge(review, court)
      return asked - before
    },
  }
}

/** What the user, the audit log and the metrics are told. */
const told = ({ enforced, elsewhere, suppressed, exempted, ...rest }: Verdict) => {
  const plain = ({ rule, message, text, severity, confidence, path, subject }: Verdict['suppressed'][number]) => [
    [rule, message, text, severity, confidence, path],
    [subject.kind, subject.namespace, subject.name],
  ]
  return {
    ...rest,
    enforced: enforced.map(({ finding, ...what }) => [plain(finding), what]),
    elsewhere: elsewhere.map(({ finding, ...what }) => [plain(finding), what]),
    suppressed: suppressed.map(plain),
    exempted: exempted.map(({ finding, exemption }) => [plain(finding), exemption]),
  }
}

const namespace = (name: string, inject?: string): WireObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name,
    labels: { 'kubernetes.io/metadata.name': name },
    annotations: inject ? { 'linkerd.io/inject': inject } : {},
  },
})

const replica = (name: string, metadata: object = {}, proxy = true): WireObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'shop',
    labels: { app: 'web', ...(proxy ? { 'linkerd.io/control-plane-ns': 'linkerd' } : {}) },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d9c', controller: true }],
    ...metadata,
  },
  spec: {
    containers: [
      { name: 'web', image: 'web', ports: [{ containerPort: 8080 }] },
      ...(proxy ? [{ name: 'linkerd-proxy' }] : []),
    ],
  },
})

const policy = (ports: readonly number[], metadata: object = {}): WireObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'web', namespace: 'shop', ...metadata },
  spec: {
    podSelector: { matchLabels: { app: 'web' } },
    ingress: [{ from: [{ podSelector: {} }], ports: ports.map((port) => ({ port })) }],
  },
})

t.test('it asks no rule about what it has judged before', async (t) => {
  const { store, costOf } = courtIn([namespace('shop', 'enabled'), replica('web-1')])
  t.ok(costOf(read(policy([8080]))) > 0, 'the first time')
  t.equal(costOf(read(policy([8080]))), 0, 'again')
  t.equal(costOf(read(policy([8080], { resourceVersion: '9', managedFields: [{ manager: 'x' }] }))), 0, 'bookkeeping')
  t.equal(costOf(read(policy([8080], { annotations: { 'example.com/sync': '7' } }))), 0, 'an annotation nobody reads')
  t.ok(costOf(read(policy([8080], { annotations: { 'linkerd.io/x': '7' } }))) > 0, 'one that rules read')
  t.ok(costOf(read(policy([8080, 9090]))) > 0, 'another content')
  t.equal(costOf(read(policy([8080]))), 0, 'both are remembered')
  costOf(read(replica('web-2')))
  put(store, namespace('far'))
  t.equal(costOf(read(replica('web-2'))), 0, 'a place has changed that no rule looked at')
  put(store, namespace('shop', 'disabled'))
  t.ok(costOf(read(replica('web-2'))) > 0, 'one that they did look at')
})

t.test('it judges Pods of one template once, while nothing is wrong with them', async (t) => {
  const { store, costOf } = courtIn([namespace('shop', 'enabled')])
  t.ok(costOf(read(replica('web-1'))) > 0)
  put(store, replica('web-1'))
  t.equal(costOf(read(replica('web-2'))), 0)
  t.ok(costOf(read(replica('web-3', { ownerReferences: [] }))) > 0, 'one that was made by hand')
  const wrong = (name: string) => read(replica(name, {}, false))
  t.ok(costOf(wrong('web-4')) > 0)
  t.ok(costOf(wrong('web-5')) > 0, 'each is named')
  t.match(judge(wrong('web-6'), courtIn([namespace('shop', 'enabled')]).court).enforced, [
    { finding: { rule: 'pod-not-injected', subject: { name: 'web-6' } } },
  ])
})

t.test('it judges neighbours only where an update changes something for rules', async (t) => {
  const nats = { name: 'nats', image: 'nats:2.10', ports: [{ containerPort: 4222 }] }
  const deployment = (annotations: object): WireObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'nats', namespace: 'shop', annotations },
    spec: { template: { metadata: { labels: { app: 'nats' } }, spec: { containers: [nats] } } },
  })
  const service: WireObject = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'nats', namespace: 'shop' },
    spec: { selector: { app: 'nats' }, ports: [{ port: 4222 }] },
  }
  const { costOf } = courtIn([namespace('shop', 'enabled'), service])
  const old = deployment({})
  costOf(read(old))
  t.equal(costOf(read(deployment({ 'example.com/restarted': 'now' }), old)), 0)
  const more = { ...old, spec: { replicas: 2, ...(old['spec'] as object) } }
  t.ok(costOf(read(more, old)) > 0)
})

t.test('it keeps nothing that rests on the time or on a kind in trouble', async (t) => {
  const certificates = createCertificateWorld(() => 0)
  const config = { ...defaultConfig, linkerd: { ...defaultConfig.linkerd, certificates } }
  const webhook: WireObject = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'linkerd-proxy-injector-webhook-config' },
    webhooks: [
      {
        name: 'linkerd-proxy-injector.linkerd.io',
        clientConfig: { caBundle: 'QQ==', service: { name: 'linkerd-proxy-injector', namespace: 'linkerd' } },
      },
    ],
  }
  const timed = courtIn([], config)
  t.ok(timed.costOf(read(webhook)) > 0)
  t.ok(timed.costOf(read(webhook)) > 0, 'an hour may lie between')

  const { store, court, costOf } = courtIn([namespace('shop', 'enabled'), replica('web-1'), replica('web-2')])
  costOf(read(policy([8080])))
  store.mark('Pod', { as: 'stale', why: 'gone' })
  t.match(judge(read(policy([8080])), court).doubts, [{ kind: 'Pod' }])
  store.mark('Pod', undefined)
  t.equal(costOf(read(policy([8080]))), 0, 'afterwards, what was found before the trouble holds')
  store.mark('Pod', { as: 'unsynced', why: 'forbidden' })
  t.same(judge(read(policy([8080, 9090])), court).enforced, [])
  store.mark('Pod', undefined)
  t.equal(judge(read(policy([8080, 9090])), court).enforced.length, 1, 'what was not found in trouble is found')
})

t.test('it does not keep more findings of one object than a person reads', async (t) => {
  const { court, costOf } = courtIn([namespace('shop', 'enabled'), replica('web-1'), replica('web-2')])
  const many = policy([8080])
  const ingress = Array.from({ length: 21 }, (_, i) => ({ ports: [{ port: 8000 + i }] }))
  const review = read({ ...many, spec: { ...(many['spec'] as object), ingress } })
  t.equal(judge(review, court).enforced.length, 21)
  t.ok(costOf(review) > 0)
})

const inject = fc.constantFrom(undefined, 'enabled', 'disabled')
const homes = fc.constantFrom('shop', 'bank')
/** What changes between two reviews of one object, and no rule looks at. */
const noise = fc.record({
  resourceVersion: fc.constantFrom('1', '2'),
  annotations: fc.constantFrom({}, { 'example.com/x': 'y' }),
})
const objects = fc.oneof(
  fc.record({ name: homes, inject }).map(({ name, inject }) => namespace(name, inject)),
  fc
    .record({
      name: fc.constantFrom('web-1', 'web-2', 'web-3'),
      namespace: homes,
      noise,
      proxy: fc.boolean(),
      owned: fc.boolean(),
      opaque: fc.constantFrom(undefined, '4222'),
    })
    .map(({ name, namespace, noise: { annotations, ...noise }, proxy, owned, opaque }) =>
      replica(
        name,
        {
          namespace,
          ...noise,
          ...(owned ? {} : { ownerReferences: [] }),
          annotations: { ...annotations, ...(opaque ? { 'config.linkerd.io/opaque-ports': opaque } : {}) },
        },
        proxy,
      ),
    ),
  fc
    .record({
      namespace: homes,
      noise,
      ports: fc.subarray([8080, 4143, 4222]),
      reason: fc.constantFrom(undefined, 'known'),
    })
    .map(({ namespace, noise: { annotations, ...noise }, ports, reason }) =>
      policy(ports, {
        namespace,
        ...noise,
        annotations: {
          ...annotations,
          ...(reason ? { 'suppress.meshgate.dev/network-policy-omits-proxy-port': reason } : {}),
        },
      }),
    ),
  fc.record({ namespace: homes, noise, port: fc.constantFrom(8080, 4222, 5432), named: fc.boolean() }).map(
    ({ namespace, noise, port, named }): WireObject => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace, ...noise },
      spec: { selector: { app: 'web' }, ports: [{ port, ...(named ? { name: 'postgres' } : {}) }] },
    }),
  ),
)
const which = fc.nat({ max: 4 })
const steps = fc.oneof(
  { weight: 3, arbitrary: fc.record({ as: fc.constant('review'), which, old: fc.constant(undefined) }) },
  { weight: 2, arbitrary: fc.record({ as: fc.constant('review'), which, old: which }) },
  { weight: 1, arbitrary: fc.record({ as: fc.constant('stored'), which }) },
  { weight: 1, arbitrary: fc.record({ as: fc.constant('removed'), which }) },
)

t.test('it says what it would say without a memory', async (t) => {
  let [recollected, found] = [0, 0]
  const few = fc.array(objects, { minLength: 5, maxLength: 5 })
  fc.assert(
    fc.property(few, fc.array(steps, { minLength: 4, maxLength: 16 }), (few, steps) => {
      const { store, court, costOf } = courtIn([namespace('shop', 'enabled'), replica('web-9')])
      const { digest: _, ...forgetful } = court
      for (const step of steps) {
        const object = few[step.which] ?? policy([])
        const { name, namespace = '' } = object.metadata as { name: string; namespace?: string }
        if (step.as === 'stored') put(store, object)
        else if (step.as === 'removed') store.remove(object.kind as KindName, namespace, name)
        else {
          const old = few['old' in step ? (step.old ?? -1) : -1]
          const review = read(
            object,
            old?.kind === object.kind ? { ...old, metadata: { ...old.metadata, name } } : undefined,
          )
          const anew = told(judge(review, forgetful))
          if (costOf(review) === 0) recollected++
          assert.deepStrictEqual(told(judge(review, court)), anew)
          if (anew.enforced.length > 0) found++
        }
      }
    }),
    { numRuns: 800 },
  )
  t.ok(recollected > 800 && found > 400, `${recollected} reviews asked no rule, ${found} had findings`)
})
