import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { connect } from '../../src/cluster/cluster.ts'
import type { LinkerdOfCluster } from '../../src/linkerd/cluster-settings.ts'
import { createManualClock } from './manual-clock.ts'
import { type Exchange, type ScriptedServer, startScriptedServer, status } from './scripted-server.ts'

const meta = (name: string, resourceVersion = '1') => ({ name, namespace: 'shop', uid: name, resourceVersion })

/** A kubeconfig: in a Pod there is no plain HTTP. */
function kubeconfigFor(server: ScriptedServer, folder: string): string {
  const file = join(folder, 'config')
  const config = {
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server: server.url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
  }
  writeFileSync(file, JSON.stringify(config))
  return file
}

async function until(ask: () => boolean): Promise<void> {
  while (!ask()) await new Promise((resolve) => setImmediate(resolve))
}

t.test('it follows the kinds it was asked for, tells of their health, and reads Linkerd’s settings', async (t) => {
  const server = await startScriptedServer()
  const clock = createManualClock()
  const said: string[] = []
  const linkerd: LinkerdOfCluster[] = []
  const cluster = connect({
    credentials: { from: 'kubeconfig', file: kubeconfigFor(server, t.testdir({})) },
    kinds: ['Service', 'Server', 'Service'],
    sink: {
      replace: (kind, resources) => said.push(`replace ${kind} ${resources.map((one) => one.name).join()}`),
      upsert: (resource) => said.push(`upsert ${resource.kind} ${resource.name}`),
      remove: (kind, namespace, name) => said.push(`remove ${kind} ${namespace}/${name}`),
      mark: (kind, trouble) => said.push(`${kind} ${trouble ? `${trouble.as}: ${trouble.why}` : 'is fine'}`),
    },
    onLinkerd: (found) => linkerd.push(found),
    clock,
  })
  t.same(said, ['Service unsynced: not asked yet', 'Server unsynced: not asked yet'])

  // Five things ask at once, in any order: each path gets its answer.
  const streams = new Map<string, Exchange>()
  const nothing = (exchange: Exchange) => exchange.list([], '5')
  const answers: Record<string, (exchange: Exchange) => void> = {
    '/api/v1/services': (exchange) =>
      exchange.list([{ metadata: meta('web') }, { metadata: meta('odd'), spec: { ports: 7 } }], '5'),
    '/apis/policy.linkerd.io': (exchange) => exchange.answer(404, status(404, 'not found')),
    '/apis/apps': (exchange) =>
      exchange.answer(200, {
        preferredVersion: { groupVersion: 'apps/v2' },
        versions: [{ groupVersion: 'apps/v2' }, { groupVersion: 'apps/v1' }],
      }),
    '/apis/apps/v2': (exchange) => exchange.answer(200, { resources: [{ name: 'deployments', verbs: ['list'] }] }),
    '/apis/apps/v1': (exchange) =>
      exchange.answer(200, { resources: [{ name: 'deployments', verbs: ['list', 'watch'] }] }),
    '/apis/apps/v1/namespaces/linkerd/deployments': nothing,
    '/api/v1/namespaces/linkerd/configmaps': (exchange) => {
      const selector = exchange.query.get('fieldSelector')
      if (selector === 'metadata.name=linkerd-identity-trust-roots') return exchange.answer(403, status(403, 'no'))
      t.equal(selector, 'metadata.name=linkerd-config')
      const values = 'linkerdVersion: edge-25.4.4\nproxy: {ports: {inbound: 5143}}'
      exchange.list([{ metadata: { ...meta('linkerd-config'), namespace: 'linkerd' }, data: { values } }], '5')
    },
  }
  void (async () => {
    for (;;) {
      const exchange = await server.next()
      if (!exchange.query.has('watch')) answers[exchange.path]?.(exchange)
      else {
        exchange.write('')
        streams.set(exchange.path, exchange)
      }
    }
  })()
  await until(() => streams.size === 3 && said.includes('Server is fine') && cluster.linkerdTroubles().length === 1)
  t.same(
    said.filter((line) => line.startsWith('Serv') || line.startsWith('replace')).toSorted(),
    [
      'Server is fine',
      'Server unsynced: not asked yet',
      'Service is fine',
      'Service unsynced: not asked yet',
      'replace Server ',
      'replace Service web',
    ].toSorted(),
  )
  t.match(cluster.health().get('Service'), { synced: true, absent: false, objects: 1, malformed: 1 })
  t.match(cluster.health().get('Server'), { synced: true, absent: true, objects: 0 })
  t.match(linkerd.at(-1), { settings: { minor: 18, inboundPort: 5143, transportMode: 'transparent' } })
  t.match(cluster.linkerdTroubles(), [/^ConfigMap linkerd-identity-trust-roots: not synced: no$/])

  // The CRD is looked for again.
  answers['/apis/policy.linkerd.io'] = (exchange) =>
    exchange.answer(200, { preferredVersion: { groupVersion: 'policy.linkerd.io/v1beta3' } })
  answers['/apis/policy.linkerd.io/v1beta3'] = (exchange) =>
    exchange.answer(200, { resources: [{ name: 'servers', verbs: ['list', 'watch'] }] })
  const servers = '/apis/policy.linkerd.io/v1beta3/servers'
  answers[servers] = (exchange) => exchange.list([{ metadata: meta('policy'), spec: { port: 80 } }], '9')
  t.equal(await clock.fire('look-again'), 30_000)
  await until(() => streams.has(servers))
  t.ok(said.includes('replace Server policy'))
  t.match(cluster.health().get('Server'), { synced: true, absent: false, objects: 1 })

  // Five minutes without a byte.
  clock.advance(300_000)
  await clock.fire('staleness')
  t.ok(said.includes('Service stale: nothing from the API server for 5 minutes'))
  streams.get('/api/v1/services')?.event('DELETED', { metadata: meta('web', '6') })
  await until(() => said.includes('remove Service shop/web'))
  await clock.fire('staleness')
  t.equal(
    said.findLast((line) => line.startsWith('Service')),
    'Service is fine',
  )

  await cluster.stop()
  t.equal(cluster.sockets(), 0)
  t.equal(clock.pending(), 0)
  await server.close()
})
