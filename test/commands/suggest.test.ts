import { join } from 'node:path'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { check } from '../../src/commands/check.ts'
import { worldIn } from './world.ts'

const workload = (name: string, ports: readonly object[], spec: object = {}, namespace = 'shop') => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name, image: 'a', ports }], ...spec } },
  },
})
const namespace = (name: string, inject = 'enabled') => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, annotations: { 'linkerd.io/inject': inject } },
})
const policy = (name: string, spec: object) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name, namespace: 'shop' },
  spec,
})
const app = (name: string) => ({ podSelector: { matchLabels: { app: name } } })

const api = workload('api', [{ containerPort: 8080 }, { containerPort: 9090 }, { containerPort: 5432 }])
const web = workload('web', [], { serviceAccountName: 'web' })
const cart = workload('cart', [], { serviceAccountName: 'cart' })
const legacy = workload('legacy', [], { serviceAccountName: 'web' }, 'old')
const toApi = policy('api', {
  ...app('api'),
  ingress: [
    { from: [app('web')], ports: [{ port: 8080 }, { port: 5432 }] },
    { from: [app('cart')], ports: [{ port: 8080 }] },
    { from: [{ namespaceSelector: {}, ...app('legacy') }], ports: [{ port: 8080 }] },
  ],
})
const shop = [namespace('shop'), namespace('old', 'disabled'), api, web, cart, legacy, toApi]

async function run(t: Tap, objects: readonly object[], ...args: readonly string[]) {
  const folder = t.testdir({ 'a.yaml': objects.map((one) => JSON.stringify(one)).join('\n---\n') })
  const { world, said } = worldIn(folder)
  const status = await check([...args, join(folder, 'a.yaml')], world)
  const at = said.stdout.indexOf('\n---\n')
  const yaml = at < 0 ? '' : said.stdout.slice(at + 1)
  const documents = parseAllDocuments(yaml)
  if (!Array.isArray(documents)) return { status, stdout: said.stdout, yaml, objects: [] }
  t.equal(documents.flatMap(({ errors }) => errors).length, 0)
  return {
    status,
    stdout: said.stdout,
    yaml,
    objects: documents.map((one) => one.toJS()).filter((one) => one !== null),
  }
}

type Tap = Pick<typeof t, 'testdir' | 'equal'>

const brief = (objects: readonly { kind: string; metadata: { name: string; namespace: string } }[]) =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`)

t.test('it restores what each client could use, port by port', async (t) => {
  const { status, objects, yaml } = await run(t, shop, '--suggest')
  t.equal(status, 1, 'the exit code is that of the findings')
  t.same(brief(objects), [
    'Server shop/api-5432',
    'AuthorizationPolicy shop/api-5432',
    'Server shop/api-8080',
    'MeshTLSAuthentication shop/api-8080',
    'AuthorizationPolicy shop/api-8080',
    'Server shop/api-9090',
  ])
  const [database, one, server, several, any] = objects
  const spec = { podSelector: { matchLabels: { app: 'api' } }, port: 5432, proxyProtocol: 'opaque' }
  t.same(database.spec, spec, 'an opaque port stays opaque')
  t.same(server.spec, { podSelector: { matchLabels: { app: 'api' } }, port: 8080 })
  t.same(one.spec.requiredAuthenticationRefs, [{ kind: 'ServiceAccount', namespace: 'shop', name: 'web' }])
  t.same(
    several.spec.identityRefs.map(({ name }: { name: string }) => name),
    ['cart', 'web'],
  )
  t.same(any.spec, {
    targetRef: { group: 'policy.linkerd.io', kind: 'Server', name: 'api-8080' },
    requiredAuthenticationRefs: [{ group: 'policy.linkerd.io', kind: 'MeshTLSAuthentication', name: 'api-8080' }],
  })
  t.match(yaml, '# port 8080: Deployment old/legacy is not meshed, and would be refused')
})

t.test('it warns of an account that others share', async (t) => {
  const other = workload('other', [], { serviceAccountName: 'web' })
  const { yaml } = await run(t, [...shop, other], '--suggest')
  t.match(yaml, '# port 5432: ServiceAccount shop/web also lets Deployment shop/other in')
})

t.test('it leaves alone a port that has a Server, and a server that nobody restricts', async (t) => {
  const server = {
    apiVersion: 'policy.linkerd.io/v1beta3',
    kind: 'Server',
    metadata: { name: 'own', namespace: 'shop' },
    spec: { ...app('api'), port: 8080 },
  }
  const { objects, yaml } = await run(t, [...shop, server], '--suggest')
  t.notOk(brief(objects).includes('Server shop/api-8080'))
  t.match(yaml, '# port 8080 has a Server already')
  const out = policy('out', {
    ...app('web'),
    policyTypes: ['Egress'],
    egress: [{ to: [app('api')], ports: [{ port: 8080 }] }],
  })
  const free = await run(t, [namespace('shop'), api, web, out], '--suggest')
  t.same(free.objects, [])
  t.match(free.yaml, '# Deployment shop/api: no policy restricts who connects to it')
})

const denial = policy('deny', { podSelector: {}, policyTypes: ['Ingress'] })

t.test('it offers one policy for a namespace, where that isolates nobody anew', async (t) => {
  const { objects } = await run(t, [...shop, denial], '--suggest', 'namespace')
  t.same(
    objects.map(({ kind, metadata, spec }) => ({ kind, metadata, spec })),
    [
      {
        kind: 'NetworkPolicy',
        metadata: { name: 'allow-linkerd-proxy', namespace: 'shop' },
        spec: {
          podSelector: {},
          policyTypes: ['Ingress'],
          ingress: [
            {
              from: [
                {
                  namespaceSelector: {},
                  podSelector: { matchExpressions: [{ key: 'linkerd.io/control-plane-ns', operator: 'Exists' }] },
                },
              ],
              ports: [{ port: 4143, protocol: 'TCP' }],
            },
          ],
        },
      },
    ],
  )
  t.equal((await run(t, [...shop, denial, ...objects])).status, 0, 'with it, nothing is found')
  const without = await run(t, shop, '--suggest', 'namespace')
  t.same(without.objects, [])
  t.match(without.yaml, '# left out: ingress, which no policy restricts for Deployment shop/')
})

t.test('it says nothing where nothing is found, and speaks only beside text', async (t) => {
  t.equal((await run(t, [namespace('shop'), api], '--suggest')).yaml, '')
  await t.rejects(run(t, shop, '--suggest', '--format', 'json'), /goes with text on standard output/)
  await t.rejects(run(t, shop, '--suggest=all'), /--suggest takes port, namespace/)
})

t.test('hostile names stay values', async (t) => {
  const name = 'api\n---\nkind: Secret "#'
  const { objects } = await run(
    t,
    [namespace('shop'), web, { ...api, metadata: { name, namespace: 'shop' } }, toApi],
    '--suggest',
  )
  t.same([...new Set(objects.map(({ kind }) => kind))], ['Server', 'AuthorizationPolicy'])
  t.ok(objects.every(({ metadata }) => /^[a-z0-9-]+$/.test(metadata.name)))
})
