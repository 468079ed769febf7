import fc from 'fast-check'
import t from 'tap'
import { snapshotOf, withSubject } from '../../../src/core/snapshot.ts'
import { viewOf } from '../../../src/core/view.ts'
import { podKinds, podTemplateOf } from '../../../src/k8s/pod-template.ts'
import { labelsOf, type Resource } from '../../../src/k8s/resource.ts'
import { selectsByMap } from '../../../src/k8s/selector.ts'
import { selectedBy, servicesOf } from '../../../src/linkerd/protocols/service-selection.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'
import { namespace, pod, service, worldOf } from '../wire-world.ts'
import { resource } from '../world.ts'

t.test('it finds the Pods and templates that a Service selects, in its own namespace', async (t) => {
  const { view, find } = worldOf([
    namespace(),
    service({}),
    pod([]),
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'far', namespace: 'else', labels: { app: 'a' } }, spec: {} },
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'b', namespace: 'shop', labels: { app: 'b' } }, spec: {} },
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'cron', namespace: 'shop' },
      spec: { jobTemplate: { spec: { template: { metadata: { labels: { app: 'a', x: 'y' } } } } } },
    },
  ])
  t.same(
    selectedBy(find('Service', 'svc'), view).map(({ name }) => name),
    ['cron', 'pod'],
  )
})

t.test('it selects nothing without a selector', async (t) => {
  for (const selector of [null, {}]) {
    const { view, find } = worldOf([service({ selector }), pod([])])
    t.same(selectedBy(find('Service', 'svc'), view), [])
  }
})

const labels = fc.dictionary(
  fc.constantFrom('app', 'tier', 'constructor', '__proto__'),
  fc.constantFrom('a', 'b', '', null, '${APP}'),
  { noNullPrototype: true },
)
const places = fc.constantFrom('shop', 'else')
const pods = fc.record({ kind: fc.constant('Pod' as const), namespace: places, labels })
const services = fc.record({ kind: fc.constant('Service' as const), namespace: places, labels: fc.option(labels) })

function made(
  { kind, namespace, labels }: { kind: 'Pod' | 'Service'; namespace: string; labels: object | null },
  name: number,
) {
  const metadata = { name: `${name}`, namespace }
  return kind === 'Pod'
    ? resource(kind, { apiVersion: 'v1', kind, metadata: { ...metadata, labels }, spec: {} })
    : resource(kind, { apiVersion: 'v1', kind, metadata, spec: { selector: labels } })
}

t.test('it finds what going through all of them finds, also around an object under review', async (t) => {
  const counts = { pods: 0, services: 0 }
  const world = fc.record({
    objects: fc.array(fc.oneof(pods, services), { minLength: 4, maxLength: 12 }),
    reviewed: fc.oneof(pods, services),
    name: fc.nat(12),
  })
  fc.assert(
    fc.property(world, ({ objects, reviewed, name }) => {
      const base = snapshotOf(objects.map(made), 'cluster')
      // What is found around it first must not show through.
      return [base, withSubject(base, made(reviewed, name))].every((snapshot) => {
        const view = viewOf(snapshot, ['Service', ...podKinds], defaultSettings, 'admitted')
        const behind = ({ spec, namespace }: Resource<'Service'>) =>
          snapshot.inNamespace('Pod', namespace).filter((pod) => selectsByMap(spec.selector, labelsOf(pod.metadata)))
        const before = ({ metadata, namespace }: Resource<'Pod'>) =>
          snapshot
            .inNamespace('Service', namespace)
            .filter(({ spec }) => selectsByMap(spec.selector, labelsOf(metadata)))
        return (
          snapshot.all('Service').every((service) => {
            const expected = behind(service)
            counts.pods += expected.length
            return isSame(selectedBy(service, view), expected)
          }) &&
          snapshot.all('Pod').every((pod) => {
            const expected = before(pod)
            counts.services += expected.length
            return isSame(servicesOf(podTemplateOf(pod), pod.namespace, view), expected)
          })
        )
      })
    }),
    { numRuns: 3000, seed: 13 },
  )
  t.ok(Math.min(counts.pods, counts.services) > 1000, JSON.stringify(counts))
})

function isSame(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((one, i) => one === right[i])
}
