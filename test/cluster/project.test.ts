import t from 'tap'
import { createProjector } from '../../src/cluster/project.ts'
import { type KindName, kinds } from '../../src/k8s/kinds.ts'

const projectOne = (kind: KindName, object: Record<string, unknown>) =>
  createProjector()(kind, kinds[kind].group === '' ? 'v1' : `${kinds[kind].group}/v1`, object)

const resourceOf = (kind: KindName, object: Record<string, unknown>) => {
  const projected = projectOne(kind, object)
  if (projected.as !== 'resource') throw new Error(projected.as)
  return projected.resource
}

const metadata = {
  name: 'web-5c9-x7',
  generateName: 'web-5c9-',
  namespace: 'shop',
  uid: 'u',
  resourceVersion: '7',
  creationTimestamp: '2026-01-01T00:00:00Z',
  labels: { app: 'web', constructor: 'x' },
  annotations: {
    'linkerd.io/inject': 'enabled',
    'config.linkerd.io/opaque-ports': '4222',
    'viz.linkerd.io/tap-enabled': 'true',
    'suppress.meshgate.dev/pod-not-injected': 'known',
    'kubernetes.io/config.mirror': 'm',
    'notlinkerd.io/x': 'no',
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
  },
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5c9', uid: 'o', controller: true }],
  managedFields: [{ manager: 'x' }],
}
const spec = {
  nodeName: 'n',
  containers: [
    {
      name: 'web',
      image: 'example/web',
      env: [
        { name: 'PASSWORD', value: 'secret' },
        { name: 'LINKERD2_PROXY_LOG', value: 'warn' },
        { name: 'HOST', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
      ],
      ports: [{ containerPort: 80, protocol: 'TCP' }],
      volumeMounts: [{ name: 'kube-api-access-abcde', mountPath: '/var/run/secrets' }],
      resources: { limits: { cpu: '1' } },
    },
  ],
}

t.test('it keeps of a Pod what rules read, and no secret', async (t) => {
  const resource = resourceOf('Pod', { metadata, spec, status: { phase: 'Running' } })
  const { annotations, labels } = metadata
  const expected = {
    name: 'web-5c9-x7',
    namespace: 'shop',
    labels,
    annotations: Object.fromEntries(Object.entries(annotations).slice(0, 5)),
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5c9', controller: true }],
    creationTimestamp: '2026-01-01',
  }
  t.strictSame(resource.metadata, expected)
  t.strictSame(resource.spec, {
    containers: [
      {
        name: 'web',
        image: 'example/web',
        env: [{ name: 'PASSWORD' }, { name: 'LINKERD2_PROXY_LOG', value: 'warn' }, { name: 'HOST' }],
        ports: [{ containerPort: 80, protocol: 'TCP' }],
        volumeMounts: [{ mountPath: '/var/run/secrets' }],
      },
    ],
  })
  t.match(resource, { kind: 'Pod', apiVersion: 'v1', namespace: 'shop', name: 'web-5c9-x7' })
  t.strictSame(resource.wire, { apiVersion: 'v1', kind: 'Pod', metadata: resource.metadata, spec: resource.spec })
  t.notMatch(JSON.stringify(resource), /secret"/)
})

t.test('it filters the annotations and the environment of pod templates, too', async (t) => {
  const template = { metadata: { annotations: { ...metadata.annotations }, labels: { app: 'web' } }, spec }
  for (const [kind, whole] of [
    ['Deployment', { template }],
    ['CronJob', { jobTemplate: { spec: { template } } }],
  ] as const) {
    const text = JSON.stringify(resourceOf(kind, { metadata: { name: 'web', namespace: 'shop' }, spec: whole }))
    t.match(text, /config\.linkerd\.io\/opaque-ports/)
    t.notMatch(text, /secret"|last-applied|notlinkerd/)
  }
})

t.test('it shares equal labels, annotations, containers and specs, all frozen', async (t) => {
  const project = createProjector()
  const read = (name: string) => {
    const object = JSON.parse(JSON.stringify({ metadata: { ...metadata, name }, spec }))
    object.spec.containers[0].volumeMounts[0].name = `kube-api-access-${name}`
    const projected = project('Pod', 'v1', object)
    if (projected.as !== 'resource') throw new Error(projected.as)
    return projected.resource as typeof projected.resource & { readonly kind: 'Pod' }
  }
  const [one, two] = [read('one'), read('two')]
  t.equal(one.spec, two.spec)
  t.equal(one.metadata.labels, two.metadata.labels)
  t.equal(one.metadata.annotations, two.metadata.annotations)
  t.equal(one.metadata.ownerReferences, two.metadata.ownerReferences)
  const pending: unknown[] = [one]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== 'object' || value === null) continue
    t.ok(Object.isFrozen(value), JSON.stringify(value).slice(0, 60))
    pending.push(...Object.values(value))
  }
})

t.test('it leaves out what another object speaks for', async (t) => {
  const owned = (controller: boolean) => ({
    metadata: {
      name: 'x',
      namespace: 'shop',
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', controller }],
    },
    spec: {},
  })
  for (const kind of ['ReplicaSet', 'Job'] as const) {
    t.equal(projectOne(kind, owned(true)).as, 'left-out')
    t.equal(projectOne(kind, owned(false)).as, 'resource')
  }
  t.equal(projectOne('Pod', owned(true)).as, 'resource')
})

t.test('it says what is malformed, and where it is not', async (t) => {
  const named = { name: 'x', namespace: 'shop' }
  for (const object of [
    { metadata: named, spec: { containers: 'none' } },
    { metadata: named, spec: [] },
    { metadata: 'x', spec: {} },
    { metadata: { ...named, labels: { a: 1 } }, spec: {} },
    { metadata: { ...named, annotations: { 'linkerd.io/inject': true } }, spec: {} },
    { metadata: named, spec: { containers: [{ env: [{ name: 7 }] }] } },
  ])
    t.equal(projectOne('Pod', object).as, 'malformed', JSON.stringify(object))
  for (const object of [
    { metadata: named },
    { metadata: { ...named, labels: null, annotations: null }, spec: { containers: null } },
    { metadata: named, spec: { containers: [null] } },
    JSON.parse('{"metadata":{"name":"x","namespace":"shop","labels":{"__proto__":"x"}}}'),
  ])
    t.equal(projectOne('Pod', object).as, 'resource', JSON.stringify(object))
})
