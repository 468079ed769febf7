import type { Test } from 'tap'
import { kinds } from '../../src/k8s/kinds.ts'
import { rules } from '../../src/rules/index.ts'
import { done, listOf } from './apply.ts'
import { startCluster } from './cluster.ts'
import { definition } from './custom-resources.ts'
import { account, registration } from './installation.ts'
import { silentInjector } from './linkerd-injector.ts'
import { type LiveWebhook, startLive } from './live-webhook.ts'
import { deployment, namespace, policy } from './manifests.ts'
import { until } from './until.ts'

/** What is not said here is a warning. */
export const config = (enforcements: Readonly<Record<string, string>> = {}, more = '') =>
  `rules:\n${rules.map(({ id }) => `  ${id}: {enforcement: ${enforcements[id] ?? 'warn'}}\n`).join('')}${more}`
export const denying = config(Object.fromEntries(rules.map(({ id }) => [id, 'deny'])))

/**
 * meshgate in a running cluster: registered by exactly the generated rules, conditions and selectors, following the cluster
 * under its own ServiceAccount with exactly the generated rights; and in the cluster, Linkerd without its injector, and the
 * workloads of `shop`. Ends with the test.
 */
export async function startLiveStory(t: Test) {
  const clock = { now: Date.parse('2026-12-01') }
  const cluster = await startCluster([], { withControllers: true })
  const running: LiveWebhook[] = []
  t.teardown(async () => {
    for (const one of running) await one.stop()
    await cluster.stop()
  })
  const kubectl = (args: readonly string[], input?: string) => cluster.kubectl(args, input)
  const apply = (items: object[], ...args: string[]) => kubectl(['apply', ...args, '-f', '-'], listOf(items))
  const create = (object: object, ...args: string[]) => kubectl(['create', ...args, '-f', '-'], JSON.stringify(object))
  const prepare = async (...items: object[]) => done(await apply(items))
  /** A namespace in which Pods can be created. */
  const open = async (name: string, annotations?: object) => {
    await prepare(namespace(name, annotations))
    await until(
      `the ServiceAccount of ${name}`,
      async () => (await cluster.request('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`)).status === 200,
    )
  }

  await prepare(
    ...['meshgate', 'linkerd', 'cert-manager'].map((name) => namespace(name, {})),
    definition(kinds.Server, { versions: ['v1beta3'] }),
    silentInjector,
  )
  await prepare(...account('meshgate'))
  const webhook = await startLive(cluster, { config: denying, now: () => clock.now })
  running.push(webhook)
  await until('the snapshot', async () => (await webhook.get('/readyz')).status === 200)
  await prepare(...registration(webhook.port, webhook.ca))
  await open('shop')
  await prepare(deployment('shop', 'web'), deployment('shop', 'api'))
  await until('the webhook', async () =>
    /denied the request/.test((await create(policy('shop', 'probe'), '--dry-run=server')).stderr),
  )
  /** Waits until the webhook has heard of as many objects of each kind as there are. */
  const settled = () =>
    until('the snapshot', async () => {
      for (const [kind, path] of [
        ['Namespace', '/api/v1/namespaces'],
        ['Deployment', '/apis/apps/v1/deployments'],
        ['NetworkPolicy', '/apis/networking.k8s.io/v1/networkpolicies'],
        ['Service', '/api/v1/services'],
      ] as const) {
        const { items } = JSON.parse((await cluster.request('GET', path)).body)
        if ((await webhook.metric('meshgate_snapshot_objects', `"${kind}"`)) !== items.length) return false
      }
      return true
    })
  return { cluster, webhook, clock, running, kubectl, apply, create, prepare, open, settled }
}

/** Whatever it was sent, each line of its log is printable ASCII, of bounded length, and JSON. */
export function logsPlainly(t: Pick<Test, 'match' | 'ok' | 'type'>, { log }: LiveWebhook): void {
  for (const line of log) {
    t.match(line, /^[\x20-\x7E]+\n$/)
    t.ok(line.length < 30_000)
    t.type(JSON.parse(line).msg, 'string')
  }
}
