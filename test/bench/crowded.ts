import { defaultConfig } from '../../src/config/config.ts'
import { analyse } from '../../src/core/analyse.ts'
import { snapshotOf, withSubject } from '../../src/core/snapshot.ts'
import { type Resource, readResource } from '../../src/k8s/resource.ts'
import { rules } from '../../src/rules/index.ts'
import { cpuMsSince } from './pass.ts'

const [few, many] = [1000, 3000] as const
const rounds = 3
const reviews = 40

/**
 * One namespace that holds all: a whole pass over 3,000 workloads, each with a Service, a Server and a policy ÷ the same over
 * 1,000, which is three where nobody goes through all for each; and one policy more ÷ the same beside 10. By CPU, of which
 * the best round counts.
 */
export function benchCrowded(): void {
  const [all, some, hardly] = [crowd(many), crowd(few), crowd(10)]
  const pass = (one: readonly Resource[]) => best(() => judge(one, snapshotOf(one, 'cluster')))
  line(
    `${many} ÷ ${few} workloads, Services, Servers and policies`,
    pass(all),
    pass(some),
    'ms',
    ' (linear: 3, square: 9)',
  )
  const review = (one: readonly Resource[]) => {
    const world = snapshotOf(one, 'cluster')
    const ms = best(() => {
      for (let i = 0; i < reviews; i++) {
        const subject = policyOf(1, `new-${i}`)
        judge([subject], withSubject(world, subject))
      }
    })
    return (ms * 1000) / reviews
  }
  line(`a policy more beside ${few} ÷ beside 10`, review(some), review(hardly), 'µs', '')
}

function line(what: string, left: number, right: number, unit: string, goal: string): void {
  console.log(
    `crowded: ${what}: ${left.toFixed(0)} ${unit} ÷ ${right.toFixed(0)} ${unit} = ${(left / right).toFixed(1)}${goal}`,
  )
}

function judge(subjects: readonly Resource[], snapshot: ReturnType<typeof snapshotOf>): void {
  const { findings, failures } = analyse({
    subjects,
    snapshot,
    rules,
    settings: defaultConfig.linkerd,
    stage: 'admitted',
  })
  if (failures.length > 0 || findings.length === 0) throw new Error('not judged')
}

function best(run: () => void): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const since = process.cpuUsage()
    run()
    least = Math.min(least, cpuMsSince(since))
  }
  return least
}

function crowd(size: number): readonly Resource[] {
  const namespace = { name: 'shop', annotations: { 'linkerd.io/inject': 'enabled' } }
  const all = [resource('v1', 'Namespace', namespace, {})]
  for (let i = 0; i < size; i++) {
    const labels = { app: `app-${i}` }
    const metadata = { name: `app-${i}`, namespace: 'shop' }
    const containers = [{ name: 'app', image: 'mysql:8', ports: [{ containerPort: 3307 }] }]
    all.push(
      resource('apps/v1', 'Deployment', metadata, { template: { metadata: { labels }, spec: { containers } } }),
      resource('v1', 'Service', metadata, { selector: labels, ports: [{ name: 'mysql', port: 3307 }] }),
      resource('policy.linkerd.io/v1beta3', 'Server', metadata, { podSelector: { matchLabels: labels }, port: 3307 }),
      policyOf(i, `app-${i}`),
    )
  }
  return all
}

/** It leaves the proxy's port out. */
function policyOf(i: number, name: string): Resource {
  const from = [{ podSelector: { matchLabels: { app: `app-${i + 1}` } } }]
  const ingress = [{ from, ports: [{ port: 3307 }] }]
  const spec = { podSelector: { matchLabels: { app: `app-${i}` } }, ingress }
  return resource('networking.k8s.io/v1', 'NetworkPolicy', { name, namespace: 'shop' }, spec)
}

function resource(apiVersion: string, kind: string, metadata: object, spec: object): Resource {
  const read = readResource({ apiVersion, kind, metadata, spec })
  if (read.as !== 'resource') throw new Error(JSON.stringify(read))
  return read.resource
}
