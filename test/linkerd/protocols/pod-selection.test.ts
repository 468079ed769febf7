import fc from 'fast-check'
import t from 'tap'
import { snapshotOf, withSubject } from '../../../src/core/snapshot.ts'
import { viewOf } from '../../../src/core/view.ts'
import { podKinds, podTemplateOf } from '../../../src/k8s/pod-template.ts'
import { labelsOf, type Resource } from '../../../src/k8s/resource.ts'
import { selects, selectsByMap } from '../../../src/k8s/selector.ts'
import { podsOfServer, selectedBy, serversOf, servicesOf } from '../../../src/linkerd/protocols/pod-selection.ts'
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

const key = fc.constantFrom('app', 'tier', 'constructor', '__proto__')
const value = fc.constantFrom('a', 'b', '', null, '${APP}')
const labels = fc.dictionary(key, value, { noNullPrototype: true })
const term = fc.record({
  key,
  operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt'),
  values: fc.array(value, { maxLength: 2 }),
})
const selector = fc.record({ matchLabels: labels, matchExpressions: fc.array(term, { maxLength: 1 }) })
const place = fc.constantFrom('shop', 'else')
const object = fc.oneof(
  fc.record({ kind: fc.constant('Pod' as const), namespace: place, labels }),
  fc.record({
    kind: fc.constant('Service' as const),
    namespace: place,
    spec: fc.record({ selector: fc.option(labels) }),
  }),
  fc.record({
    kind: fc.constant('Server' as const),
    namespace: place,
    spec: fc.record({ podSelector: fc.option(selector) }),
  }),
)

function made({ kind, namespace, ...rest }: { kind: 'Pod' | 'Service' | 'Server'; namespace: string }, name: number) {
  const apiVersion = kind === 'Server' ? 'policy.linkerd.io/v1beta3' : 'v1'
  const { labels = {}, spec = {} } = rest as { labels?: object; spec?: object }
  return resource(kind, { apiVersion, kind, metadata: { name: `${name}`, namespace, labels }, spec })
}

t.test('it finds what going through all of them finds, also around an object under review', async (t) => {
  const counts = { Service: 0, Server: 0 }
  const world = fc.record({
    objects: fc.array(object, { minLength: 4, maxLength: 12, size: 'max' }),
    reviewed: object,
    name: fc.nat(12),
  })
  const holds = {
    Service: ({ spec }: Resource<'Service'>, pod: Resource<'Pod'>) =>
      selectsByMap(spec.selector, labelsOf(pod.metadata)),
    Server: ({ spec }: Resource<'Server'>, pod: Resource<'Pod'>) =>
      spec.podSelector != null && selects(spec.podSelector, labelsOf(pod.metadata)),
  }
  fc.assert(
    fc.property(world, ({ objects, reviewed, name }) => {
      const base = snapshotOf(objects.map(made), 'cluster')
      // What is found around it first must not show through.
      return [base, withSubject(base, made(reviewed, name))].every((snapshot) => {
        const view = viewOf(snapshot, ['Service', 'Server', ...podKinds], defaultSettings, 'admitted')
        const isRight = <K extends 'Service' | 'Server'>(
          kind: K,
          behind: (one: Resource<K>) => readonly Resource[],
          before: (pod: Resource<'Pod'>) => readonly Resource[],
          isHeld: (one: Resource<K>, pod: Resource<'Pod'>) => boolean,
        ) => {
          const all = snapshot.all(kind)
          const pods = snapshot.all('Pod')
          return (
            all.every((one) => {
              const expected = pods.filter((pod) => pod.namespace === one.namespace && isHeld(one, pod))
              counts[kind] += expected.length
              return isSame(behind(one), expected)
            }) &&
            pods.every((pod) =>
              isSame(
                before(pod),
                all.filter((one) => pod.namespace === one.namespace && isHeld(one, pod)),
              ),
            )
          )
        }
        return (
          isRight(
            'Service',
            (service) => selectedBy(service, view),
            (pod) => servicesOf(podTemplateOf(pod), pod.namespace, view),
            holds.Service,
          ) &&
          isRight(
            'Server',
            (server) => podsOfServer(server, view),
            (pod) => serversOf(podTemplateOf(pod), pod.namespace, view),
            holds.Server,
          )
        )
      })
    }),
    { numRuns: 8000, seed: 13 },
  )
  t.ok(Math.min(counts.Service, counts.Server) > 1000, JSON.stringify(counts))
})

function isSame(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((one, i) => one === right[i])
}
