import type { Test } from 'tap'
import { done } from './apply.ts'
import { type Answer, startCluster } from './cluster.ts'
import { chart, helm, set } from './helm.ts'
import { names } from './installation.ts'
import { skipWithout } from './kit.ts'
import { deployment, namespace, policy } from './manifests.ts'
import { type PodStandIn, startPod } from './pod-stand-in.ts'
import { until } from './until.ts'

/** Why a story of the chart is skipped, if it is. */
export const skipChart: string | false =
  skipWithout('etcd, kube-apiserver, controllers, kubectl, helm and cert-manager-lab') ||
  (process.getuid?.() !== 0 && 'run as root: the API server calls port 443')

const denying = { 'config.rules': { 'network-policy-omits-proxy-port': { enforcement: 'deny' } } }
const both = [`validatingwebhookconfiguration/${names.validating}`, `mutatingwebhookconfiguration/${names.mutating}`]

/** @param what is done */
export function accepts(t: Pick<Test, 'equal'>, answer: Answer, what: string): void {
  t.equal(answer.status, 0, `${what} ${answer.stderr}`)
}

/**
 * A cluster in which the real helm installs the chart as it is: the API server calls the ClusterIP of the Service, port 443, by
 * its TLS name. Ends with the test.
 */
export async function startChartStory(t: Test) {
  const cluster = await startCluster([], { withControllers: true })
  let running: PodStandIn | undefined
  t.teardown(async () => {
    await running?.stop()
    await cluster.stop()
  })

  const kubectl = (args: readonly string[], input?: string) => cluster.kubectl(args, input)
  const create = (object: object, ...args: string[]) => kubectl(['create', ...args, '-f', '-'], JSON.stringify(object))
  const release = (verb: string, ...args: string[]) =>
    helm([verb, 'meshgate', ...args, '--namespace', 'meshgate'], cluster.kubeconfig)
  const install = (values: Readonly<Record<string, unknown>>, ...args: string[]) =>
    release('install', chart, ...set({ ...denying, ...values }), ...args)
  const upgrade = (values: Readonly<Record<string, unknown>>, ...args: string[]) =>
    release('upgrade', chart, ...set({ ...denying, ...values }), ...args)

  /** caBundles of every entry. */
  const bundles = async (): Promise<(string | undefined)[]> => {
    const { items } = JSON.parse(done(await kubectl(['get', ...both, '-o', 'json'])).stdout)
    return items.flatMap(({ webhooks }: { webhooks: { clientConfig: { caBundle?: string } }[] }) =>
      webhooks.map(({ clientConfig }) => clientConfig.caBundle),
    )
  }
  /** One Pod, in which meshgate runs. */
  const replica = {
    running: () => running,
    async start() {
      running = await startPod(cluster)
    },
    async stop() {
      const code = await running?.stop()
      running = undefined
      return code
    },
  }
  /** The verdict on a policy that leaves out 4143, whatever it is. */
  const verdict = () => create(policy('shop', 'bad'), '--dry-run=server')
  const judges = async () => {
    let said = ''
    try {
      await until('a verdict', async () => /TCP 4143 is missing/.test((said = (await verdict()).stderr)))
    } catch (error) {
      throw new Error(said + running?.output(), { cause: error })
    }
  }
  /** What of this release is in the cluster, of every kind. */
  const remains = async () => {
    const resources = done(await kubectl(['api-resources', '--verbs=list', '-o', 'name']))
    const list = resources.stdout.trim().split('\n').join(',')
    const found = await kubectl(['get', list, '-A', '-l', 'app.kubernetes.io/instance=meshgate', '-o', 'name'])
    const releases = done(await kubectl(['get', 'secret', '-A', '-l', 'owner=helm', '-o', 'name']))
    return (found.stdout + releases.stdout).split('\n').filter((line) => line !== '')
  }
  const open = async (name: string, metadata: object = {}) => {
    done(await create({ ...namespace(name), ...metadata }))
    await until(
      `the ServiceAccount of ${name}`,
      async () => (await kubectl(['get', 'serviceaccount', 'default', '-n', name])).status === 0,
    )
  }

  const unasked = { 'config.linkerd.io/admission-webhooks': 'disabled' }
  await open('linkerd', { metadata: { name: 'linkerd', labels: unasked } })
  for (const name of ['cert-manager', 'shop']) await open(name)
  for (const name of ['web', 'api']) done(await create(deployment('shop', name)))
  // Nothing but what Pod Security allows gets in here.
  const restricted = { ...unasked, 'pod-security.kubernetes.io/enforce': 'restricted' }
  await open('meshgate', { metadata: { name: 'meshgate', labels: restricted } })
  return { cluster, kubectl, create, open, release, install, upgrade, replica, bundles, verdict, judges, remains }
}
