import t from 'tap'
import { formatPath, jsonEqual, jsonPointer, own, valueAt } from '../../src/k8s/json.ts'
import { isWatched, type KindName, kinds } from '../../src/k8s/kinds.ts'
import { type PodKind, podKinds, podTemplateOf } from '../../src/k8s/pod-template.ts'
import { annotationOf, type Resource, readResource } from '../../src/k8s/resource.ts'

function read(value: unknown, namespace?: string): Resource {
  const result = readResource(value, namespace)
  if (result.as !== 'resource') throw new Error(JSON.stringify(result))
  return result.resource
}

t.test('it decides by group and kind, not by version', async (t) => {
  for (const apiVersion of ['networking.k8s.io/v1', 'networking.k8s.io/v1beta7'])
    t.equal(read({ apiVersion, kind: 'NetworkPolicy' }).kind, 'NetworkPolicy')
  for (const apiVersion of ['crd.antrea.io/v1beta1', 'cilium.io/v1alpha1', 'v1', 'extensions/v1beta1'])
    t.equal(readResource({ apiVersion, kind: 'NetworkPolicy' }).as, 'other')
  t.equal(readResource({ apiVersion: 'serving.knative.dev/v1', kind: 'Service' }).as, 'other')
})

t.test('it knows what is no Kubernetes object', async (t) => {
  for (const value of [null, 1, 'x', [], {}, { kind: 'Pod' }, { apiVersion: 'v1' }, { apiVersion: 1, kind: 'Pod' }])
    t.equal(readResource(value).as, 'foreign')
})

t.test('it names an object as the API server would', async (t) => {
  const pod = (metadata: object) => read({ apiVersion: 'v1', kind: 'Pod', metadata })
  t.match(pod({ name: 'a', namespace: 'n' }), { name: 'a', namespace: 'n' })
  t.match(pod({ name: 'a' }), { namespace: 'default' })
  t.match(pod({ generateName: 'web-' }), { name: 'web-*' })
  t.match(read({ apiVersion: 'v1', kind: 'Pod', metadata: null }), { name: '', metadata: {}, spec: {} })
  t.match(read({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'n', namespace: 'x' } }), { namespace: '' })
  const overridden = read({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } }, 'truth')
  t.equal(overridden.namespace, 'truth', 'the namespace of a review is the truth')
})

t.test('it says where and why a shape is wrong, and what to type', async (t) => {
  const service = (spec: unknown, metadata: unknown = {}) =>
    readResource({ apiVersion: 'v1', kind: 'Service', metadata, spec })
  t.match(service({ ports: [{ port: '80' }] }), {
    as: 'malformed',
    path: ['spec', 'ports', 0, 'port'],
    reason: 'expected an integer, found "80"',
  })
  t.match(service({}, { annotations: { 'config.linkerd.io/opaque-ports': 4222 } }), {
    path: ['metadata', 'annotations', 'config.linkerd.io/opaque-ports'],
    reason: 'expected a string, found the number 4222; put it in quotes',
  })
  t.match(service({}, { labels: { on: true } }), { reason: /found the boolean true; put it in quotes/ })
  t.match(service({ ports: {} }), { reason: 'expected a list, found a map' })
  t.match(service([]), { path: ['spec'], reason: 'expected a map, found a list' })
  t.match(service({ ports: [{ port: 80.5 }] }), { reason: 'expected an integer, found the number 80.5' })
})

t.test('it reads null as the zero value, everywhere', async (t) => {
  const policy = read({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { labels: null, annotations: { a: null } },
    spec: { podSelector: null, ingress: [null, { from: null, ports: [null] }] },
  })
  t.equal(annotationOf(policy.metadata, 'a'), '')
  t.equal(annotationOf(policy.metadata, 'b'), undefined)
})

t.test('it takes an unresolved variable for a number that is not known yet', async (t) => {
  const service = { apiVersion: 'v1', kind: 'Service', spec: { ports: [{ port: '${PORT}' }] } }
  t.equal(readResource(service).as, 'resource')
})

t.test('it finds the Pod template of every workload', async (t) => {
  const template = { metadata: { labels: { app: 'x' } }, spec: { hostNetwork: true } }
  for (const kind of podKinds) {
    const apiVersion = [kinds[kind].group, 'v1'].filter((part) => part !== '').join('/')
    const spec = kind === 'CronJob' ? { jobTemplate: { spec: { template } } } : { template }
    const object = kind === 'Pod' ? { apiVersion, kind, ...template } : { apiVersion, kind, spec }
    const found = podTemplateOf(read(object) as Resource<PodKind>)
    t.same({ metadata: found.metadata, spec: found.spec }, template, kind)
    t.same(valueAt(object, [...found.path, 'metadata']), template.metadata, `${kind}: the path leads there`)
    const empty = podTemplateOf(read({ apiVersion, kind }) as Resource<PodKind>)
    t.same([empty.metadata, empty.spec], [{}, {}], `${kind} without a spec`)
  }
})

t.test('it reads only what is the object’s own', async (t) => {
  t.equal(own({}, 'constructor'), undefined)
  t.equal(own<string>({ constructor: 'x' }, 'constructor'), 'x')
  t.equal(valueAt({ a: [{ b: 1 }] }, ['a', 0, 'b']), 1)
  t.equal(valueAt({ a: [] }, ['a', 'length']), undefined)
  t.equal(valueAt({}, ['toString']), undefined)
})

t.test('it writes paths for people and for machines', async (t) => {
  const path = ['metadata', 'annotations', 'config.linkerd.io/opaque-ports', 0, 'a~b']
  t.equal(formatPath(path), 'metadata.annotations["config.linkerd.io/opaque-ports"][0]["a~b"]')
  t.equal(jsonPointer(path), '/metadata/annotations/config.linkerd.io~1opaque-ports/0/a~0b')
})

t.test('it compares values of any depth', async (t) => {
  const deep = (leaf: unknown) => {
    let value = leaf
    for (let i = 0; i < 20_000; i++) value = i % 2 ? [value] : { a: value }
    return value
  }
  t.ok(jsonEqual(deep(1), deep(1)))
  t.notOk(jsonEqual(deep(1), deep(2)))
  t.notOk(jsonEqual({ a: undefined }, { b: undefined }))
  t.notOk(jsonEqual({ a: 1 }, [1]))
})

t.test('it knows each kind by a different group and kind', async (t) => {
  const names = (Object.keys(kinds) as KindName[]).flatMap((name) => {
    const { group, alsoIn = [], kind } = kinds[name]
    return [group, ...alsoIn].map((one) => `${one}/${kind}`)
  })
  t.equal(new Set(names).size, names.length)
})

t.test('it takes kinds without a spec as they are', async (t) => {
  const read = readResource({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'a', namespace: 'b' },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': 'x' },
  })
  t.match(read, { as: 'resource', resource: { kind: 'Secret', spec: { stringData: { 'tls.crt': 'x' } } } })
  const wrong = readResource({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { port: 8080 } })
  t.match(wrong, { as: 'malformed', path: ['data', 'port'], reason: /put it in quotes/ })
})

t.test('it never asks a cluster for Secrets, nor for all ConfigMaps', async (t) => {
  t.same(
    (Object.keys(kinds) as KindName[]).filter((kind) => !isWatched(kind)),
    ['ConfigMap', 'Secret'],
  )
})

t.test('it tells kinds of the same name by their group, and knows a kind in all of its groups', async (t) => {
  const kindOf = (apiVersion: string, kind = 'NetworkPolicy') => {
    const read = readResource({ apiVersion, kind, metadata: { name: 'p' } })
    return read.as === 'resource' ? `${read.resource.kind} ${read.resource.namespace}` : read.as
  }
  t.equal(kindOf('networking.k8s.io/v1'), 'NetworkPolicy default')
  t.equal(kindOf('projectcalico.org/v3'), 'CalicoNetworkPolicy default')
  t.equal(kindOf('crd.projectcalico.org/v1'), 'CalicoNetworkPolicy default')
  t.equal(kindOf('crd.projectcalico.org/v1', 'GlobalNetworkPolicy'), 'CalicoGlobalNetworkPolicy ')
  t.equal(kindOf('projectcalico.org/v3', 'Tier'), 'CalicoTier ')
  t.equal(kindOf('projectcalico.org/v3', 'StagedNetworkPolicy'), 'other')
  t.equal(kindOf('cilium.io/v2', 'CiliumNetworkPolicy'), 'CiliumNetworkPolicy default')
  t.equal(kindOf('cilium.io/v2', 'CiliumClusterwideNetworkPolicy'), 'CiliumClusterwideNetworkPolicy ')
  t.equal(kindOf('policy.networking.k8s.io/v1alpha2', 'ClusterNetworkPolicy'), 'ClusterNetworkPolicy ')
  t.equal(kindOf('crd.antrea.io/v1beta1', 'ClusterNetworkPolicy'), 'other')
})

t.test('it looks at the shape of what a Cilium policy has beside its spec', async (t) => {
  const cilium = { apiVersion: 'cilium.io/v2', kind: 'CiliumNetworkPolicy', metadata: { name: 'p' } }
  t.equal(
    readResource({ ...cilium, specs: [{ ingress: [null, { fromEndpoints: null, toPorts: [null] }] }, null] }).as,
    'resource',
  )
  t.match(readResource({ ...cilium, specs: [{ ingress: [{ fromEntities: [1] }] }] }), {
    as: 'malformed',
    path: ['specs', 0, 'ingress', 0, 'fromEntities', 0],
  })
  t.equal(readResource({ ...cilium, spec: { ingress: [{ toPorts: [{ ports: [{ port: 8080 }] }] }] } }).as, 'resource')
})
