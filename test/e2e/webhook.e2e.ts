import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../../src/config/load.ts'
import { startWebhook, type Webhook } from '../../src/main.ts'
import { rules } from '../../src/rules/index.ts'
import { shopManifests } from '../admission/reviews.ts'
import { apply } from './apply.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { skipWithout } from './kit.ts'
import { leadsToLoopback } from './manifests.ts'
import { until } from './until.ts'
import { accepts, rejects } from './verdicts.ts'

/*
 * The real API server, the real kubectl, and meshgate in between: by a Service, on its TLS name, as in production.
 * MESHGATE_KIT_BIN names a folder with etcd, kube-apiserver and kubectl.
 */

const skip = skipWithout('etcd, kube-apiserver and kubectl')

const config = `
rules:
  network-policy-omits-proxy-port: {enforcement: ENFORCEMENT}
  server-speaks-first-port-not-opaque: {fix: true}
`

const policy = (port: string, name = 'web') => `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ${name}, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: web}}}]
      ports: [${port}]
`

/** As in ecosystem conventions: the API server passes 120 characters on, and kubectl prefixes them. */
const warning =
  'Warning: [network-policy-omits-proxy-port] TCP 4143 is missing beside 8080: Deployment shop/web cannot reach Deployment…\n'

const denial =
  [
    'Error from server (Forbidden): error when creating "STDIN": admission webhook "validate.meshgate.dev" denied the request:',
    '[network-policy-omits-proxy-port] NetworkPolicy shop/web at spec.ingress[0].ports[0]: TCP 4143 is missing beside 8080:',
    'Deployment shop/web cannot reach Deployment shop/web. Between meshed Pods Linkerd connects on 4143, which no policy in the',
    'files given allows here; add it, and keep 8080 for clients outside the mesh\n',
  ].join(' ') + 'read more: meshgate explain network-policy-omits-proxy-port\n'

t.test('meshgate in front of a real API server', { skip, timeout: 300_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-surroundings-'))
  writeFileSync(join(folder, 'shop.yaml'), shopManifests)
  const cluster = await startCluster()
  t.teardown(async () => {
    await cluster.stop()
    rmSync(folder, { recursive: true })
  })
  t.equal((await cluster.kubectl(['create', 'namespace', 'shop'])).status, 0)
  t.equal((await cluster.kubectl(['create', 'serviceaccount', 'default', '-n', 'shop'])).status, 0)

  const withWebhook = async (enforcement: string, use: () => Promise<void>) => {
    const webhook = await startWebhook({
      host: '127.0.0.1',
      port: 0,
      names: ['meshgate.shop.svc'],
      snapshot: [folder],
      config: parseConfig(
        'meshgate.yaml',
        config.replace('ENFORCEMENT', enforcement),
        rules.map((rule) => rule.id),
      ),
    })
    await register(cluster, webhook)
    // A webhook configuration is read by a watch: it is in force when a probe is answered.
    await until('the webhook', async () => {
      const probe = await cluster.kubectl(['create', '--dry-run=server', '-f', '-'], policy('{port: 8080}', 'probe'))
      return /network-policy-omits-proxy-port/.test(probe.stderr)
    })
    try {
      await use()
    } finally {
      await webhook.stop(0)
    }
  }
  const create = (manifest: string, ...args: string[]) => cluster.kubectl(['create', ...args, '-f', '-'], manifest)

  await t.test('warn', async (t) => {
    await withWebhook('warn', async () => {
      accepts(t, await create(policy('{port: 8080}'), '--dry-run=server'), warning)
      accepts(t, await create(policy('{port: 8080}')), warning)
      accepts(t, await create(policy('{port: 8080}, {port: 4143}', 'clean')))
    })
  })

  await t.test('deny', async (t) => {
    await withWebhook('deny', async () => {
      await cluster.kubectl(['delete', 'networkpolicy', '--all', '-n', 'shop'])
      rejects(t, await create(policy('{port: 8080}')), denial)
      rejects(t, await create(policy('{port: 8080}'), '--dry-run=server'), denial)
      accepts(t, await create(policy('{port: 8080}, {port: 4143}', 'clean')))
    })
  })

  await t.test('it only warns of what was there before', async (t) => {
    await withWebhook('warn', async () => {
      accepts(t, await create(policy('{port: 8080}', 'old')), warning)
    })
    await withWebhook('deny', async () => {
      const label = await cluster.kubectl(['label', 'networkpolicy', 'old', '-n', 'shop', 'team=a'])
      accepts(t, label, warning)
      const patch = '{"spec":{"ingress":[{"ports":[{"port":9999}]}]}}'
      const worse = await cluster.kubectl(['patch', 'networkpolicy', 'old', '-n', 'shop', '--type=merge', '-p', patch])
      t.match(worse.stderr, /denied the request: \[network-policy-omits-proxy-port\] NetworkPolicy shop\/old/)
      t.equal(worse.status, 1, 'rejects')
    })
  })

  await t.test('it stores a Service as it said it would', async (t) => {
    await withWebhook('warn', async () => {
      const service =
        'apiVersion: v1\nkind: Service\nmetadata: {name: nats, namespace: shop}\nspec: {selector: {app: nats}, ports: [{port: 4222, name: nats}]}\n'
      accepts(t, await create(service))
      const stored = await cluster.kubectl([
        'get',
        'service',
        'nats',
        '-n',
        'shop',
        '-o',
        'jsonpath={.metadata.annotations}',
      ])
      t.same(JSON.parse(stored.stdout), {
        'config.linkerd.io/opaque-ports': '25,587,3306,4444,5432,6379,9300,11211,4222',
      })
      const again = await cluster.kubectl(['label', 'service', 'nats', '-n', 'shop', 'a=b'])
      accepts(t, again)
    })
  })

  await t.test('it names a Pod that came without its proxy', async (t) => {
    await withWebhook('warn', async () => {
      const pod =
        'apiVersion: v1\nkind: Pod\nmetadata: {name: web-1, namespace: shop}\nspec: {containers: [{name: web, image: example/web}]}\n'
      const { stderr, status } = await create(pod)
      t.match(stderr, /^Warning: \[pod-not-injected\] Pod shop\/web-1 has no Linkerd proxy/)
      t.equal(status, 0, 'accepts')
    })
  })

  await t.test('it gives every legal object a verdict', async (t) => {
    await withWebhook('warn', async () => {
      // What a ConfigMap may hold: keys of JavaScript's own, and text that Go writes six times as long.
      const odd =
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"odd","namespace":"shop"},"data":{"__proto__":"x","constructor":"y"}}'
      accepts(t, await create(odd), 'Warning: not judged: no rule speaks about ConfigMap\n')
      const stored = (await cluster.kubectl(['get', 'configmap', 'odd', '-n', 'shop', '-o', 'json'])).stdout
      t.match(stored, /"__proto__": "x"/)
      const large = (fill: string) =>
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'large', namespace: 'shop' },
          data: { fill: fill.repeat(1_000_000) },
        })
      const note = /not judged: no rule speaks about ConfigMap/
      const path = '/api/v1/namespaces/shop/configmaps'
      t.match(await cluster.request('POST', path, large('<')), { status: 201, warning: note })
      // Go writes each character as six: old and new object together are a review of 12 MiB.
      t.match(await cluster.request('PUT', `${path}/large`, large('>')), { status: 200, warning: note })
    })
  })
})

/** Registers the webhook by a Service that leads to loopback: the API server then uses HTTP/1.1 and checks the TLS name. */
async function register(cluster: Cluster, webhook: Webhook): Promise<void> {
  const clientConfig = (path: string) => ({
    service: { name: 'meshgate', namespace: 'shop', path, port: Number(new URL(webhook.url).port) },
    caBundle: Buffer.from(webhook.ca ?? '').toString('base64'),
  })
  const rule = (apiGroups: string[], resources: string[]) => ({
    apiGroups,
    apiVersions: ['*'],
    operations: ['CREATE', 'UPDATE'],
    resources,
    scope: 'Namespaced',
  })
  const common = { sideEffects: 'None', admissionReviewVersions: ['v1'], failurePolicy: 'Fail', timeoutSeconds: 10 }
  const objects = [
    leadsToLoopback('shop', 'meshgate'),
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'meshgate' },
      webhooks: [
        {
          ...common,
          name: 'validate.meshgate.dev',
          clientConfig: clientConfig('/validate'),
          rules: [rule(['networking.k8s.io'], ['networkpolicies']), rule([''], ['services', 'pods', 'configmaps'])],
        },
      ],
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'a-meshgate' },
      webhooks: [
        {
          ...common,
          name: 'mutate.meshgate.dev',
          clientConfig: clientConfig('/mutate'),
          rules: [rule([''], ['services'])],
        },
      ],
    },
  ]
  // The previous webhook's server is gone: its configuration would refuse the new Service.
  await cluster.kubectl(['delete', 'validatingwebhookconfiguration,mutatingwebhookconfiguration', '--all'])
  await apply(cluster, ...objects)
}
