import t from 'tap'
import { mend } from '../../src/admission/judge.ts'
import type { Review } from '../../src/admission/review.ts'
import { defaultConfig } from '../../src/config/config.ts'
import { snapshotOf } from '../../src/core/snapshot.ts'
import { readResource } from '../../src/k8s/resource.ts'
import { rules } from '../../src/rules/index.ts'

const rule = 'server-speaks-first-port-not-opaque'
const list = ['metadata', 'annotations', 'config.linkerd.io/opaque-ports']

const shop = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'shop', annotations: { 'linkerd.io/inject': 'enabled' } },
}
const read = readResource(shop)
const snapshot = snapshotOf(read.as === 'resource' ? [read.resource] : [], 'input')
const court = {
  now: 0,
  rules,
  snapshot,
  config: { ...defaultConfig, fix: new Set([rule]) },
}

const creationOf = (object: object): Review => ({
  apiVersion: 'admission.k8s.io/v1',
  uid: 'u',
  operation: 'CREATE',
  kind: { group: '', version: 'v1', kind: '' },
  subResource: '',
  namespace: 'shop',
  name: '',
  dryRun: false,
  object,
  oldObject: null,
})

const pod = (metadata: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { generateName: 'nats-', ...metadata },
  spec: { containers: [{ name: 'nats', image: 'nats:2.10', ports: [{ containerPort: 4222 }, { containerPort: 25 }] }] },
})

t.test('it lists the ports of a Pod that the injector has not seen yet, with those it would list', async (t) => {
  t.same(mend(creationOf(pod({})), court).edits, [{ op: 'set', path: list, value: '25,4222' }])
  t.same(mend(creationOf(pod({ annotations: { 'config.linkerd.io/opaque-ports': '4222' } })), court).edits, [])
})

t.test('it lists a Service port with those the injector would list', async (t) => {
  const service = (ports: readonly object[]) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's' },
    spec: { ports },
  })
  const mixed = service([
    { port: 2525, targetPort: 25, name: 'smtp' },
    { port: 4222, name: 'nats' },
  ])
  t.same(mend(creationOf(mixed), court).edits, [{ op: 'set', path: list, value: '2525,4222' }])
  t.same(mend(creationOf(service([{ port: 80, name: 'http' }])), court).edits, [])
})
