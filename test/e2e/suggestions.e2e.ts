import { join } from 'node:path'
import t from 'tap'
import { check } from '../../src/commands/check.ts'
import { worldIn } from '../commands/world.ts'
import { startCluster } from './cluster.ts'
import { definition } from './custom-resources.ts'
import { skipWithout } from './kit.ts'

/* The real API server takes what `check --suggest` prints, by the fields that Linkerd's own CRDs have. */

const skip = skipWithout('etcd, kube-apiserver and kubectl')

const text = { type: 'string' }
const reference = {
  type: 'object',
  required: ['kind', 'name'],
  properties: { group: text, kind: text, name: text, namespace: text },
}
const references = { type: 'array', items: reference }

/** A stub with the fields of Linkerd's that suggestions use, and no other: with strict validation a misspelt one is refused. */
function crd(kind: string, resource: string, version: string, required: readonly string[], properties: object): object {
  const spec = { type: 'object', required, properties }
  const schema = { type: 'object', required: ['spec'], properties: { spec } }
  return definition({ group: 'policy.linkerd.io', kind, resource, namespaced: true }, { versions: [version], schema })
}

const labels = { type: 'object', additionalProperties: text }
const crds = [
  crd('Server', 'servers', 'v1beta3', ['port', 'podSelector'], {
    podSelector: { type: 'object', properties: { matchLabels: labels } },
    port: { 'x-kubernetes-int-or-string': true },
    proxyProtocol: text,
  }),
  crd('AuthorizationPolicy', 'authorizationpolicies', 'v1alpha1', ['targetRef', 'requiredAuthenticationRefs'], {
    targetRef: reference,
    requiredAuthenticationRefs: references,
  }),
  crd('MeshTLSAuthentication', 'meshtlsauthentications', 'v1alpha1', [], { identityRefs: references }),
]

const workload = (name: string, ports: readonly object[] = []) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: 'shop' },
  spec: {
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { serviceAccountName: name, containers: [{ name, image: 'a', ports }] },
    },
  },
})
const app = (name: string) => ({ podSelector: { matchLabels: { app: name } } })
const policy = (name: string, spec: object) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace: 'shop' },
  spec,
})
const objects = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', annotations: { 'linkerd.io/inject': 'enabled' } } },
  workload('web'),
  workload('cart'),
  workload('api', [{ containerPort: 8080 }, { containerPort: 5432 }, { containerPort: 9090 }]),
  policy('deny', { podSelector: {} }),
  policy('api', {
    ...app('api'),
    ingress: [
      { from: [app('web'), app('cart')], ports: [{ port: 8080 }] },
      { from: [app('web')], ports: [{ port: 5432 }] },
    ],
  }),
]

t.test('suggestions and a real API server', { skip, timeout: 300_000 }, async (t) => {
  const cluster = await startCluster()
  t.teardown(() => cluster.stop())
  for (const one of crds) t.equal((await cluster.kubectl(['create', '--filename=-'], JSON.stringify(one))).status, 0)
  const names = crds.map((one) => `crd/${(one as { metadata: { name: string } }).metadata.name}`)
  t.equal((await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=60s', ...names])).status, 0)
  t.equal((await cluster.kubectl(['create', 'namespace', 'shop'])).status, 0)

  const suggested = async (...args: readonly string[]) => {
    const folder = t.testdir({ 'a.yaml': objects.map((one) => JSON.stringify(one)).join('\n---\n') })
    const { world, said } = worldIn(folder)
    await check([join(folder, 'a.yaml'), '--suggest', ...args], world)
    return said.stdout.slice(said.stdout.indexOf('\n---\n') + 1)
  }
  for (const [args, created] of [
    [[], 6],
    [['namespace'], 1],
  ] as const)
    t.test(`it accepts what --suggest ${args.join('')} prints`, async (t) => {
      const { status, stdout, stderr } = await cluster.kubectl(
        ['create', '--validate=strict', '--filename=-'],
        await suggested(...args),
      )
      t.equal(status, 0, stderr)
      t.equal(stdout.trim().split('\n').length, created, stdout)
    })
})
