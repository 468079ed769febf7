import fc from 'fast-check'
import t from 'tap'
import { type Labels, selects } from '../../../src/k8s/selector.ts'
import type { LabelSelector } from '../../../src/k8s/spec-shapes.ts'
import type { PodFacts } from '../../../src/linkerd/pods/pod-facts.ts'
import { createPodIndex, type PodIndex } from '../../../src/linkerd/pods/pod-index.ts'
import { addBits, type Bits } from '../../../src/policy/bits.ts'
import { boxOf, intersect } from '../../../src/policy/box.ts'
import { namespaceKey, podKey } from '../../../src/policy/policy.ts'

interface Sketch {
  readonly key: string
  readonly labels: Labels
  readonly inboundPort: number
  readonly named: ReadonlyMap<string, readonly number[]>
}

function podFrom(namespace: string, { key, labels, inboundPort, named }: Sketch): PodFacts {
  return {
    key,
    name: `Pod ${namespace}/${key}`,
    namespace,
    labels,
    unknownLabels: false,
    meshed: 'yes',
    hostNetwork: false,
    inboundPort,
    bypassed: [],
    skipOutbound: [],
    skipsPods: false,
    opaque: [],
    named,
    declared: [],
    replicas: 'one',
    unknown: false,
  }
}

const value = fc.constantFrom('x', 'y', 'z')
const labels = fc.dictionary(fc.constantFrom('app', 'role', 'constructor'), value, { maxKeys: 3 })
const sketch: fc.Arbitrary<Sketch> = fc.record({
  key: fc.constantFrom('1', '2', '3', '4', '5'),
  labels,
  inboundPort: fc.constantFrom(4143, 4143, 4145),
  named: fc.constantFrom(new Map(), new Map([['http', [80]]])),
})
const change = fc.record({
  namespace: fc.constantFrom('a', 'b', 'c'),
  /** Another object, or the one that was there before. */
  anew: fc.boolean(),
  labels,
  pods: fc.uniqueArray(sketch, { maxLength: 5, selector: ({ key }) => key }),
})
const term = fc.oneof(
  fc.record({
    key: fc.constantFrom('app', 'role', 'constructor'),
    operator: fc.constantFrom('Exists', 'DoesNotExist'),
  }),
  fc.record({
    key: fc.constantFrom('app', 'role', 'constructor'),
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.array(value, { minLength: 1, maxLength: 2 }),
  }),
)
const selector: fc.Arbitrary<LabelSelector> = fc.array(term, { maxLength: 2 }).map((matchExpressions) => ({
  matchExpressions,
}))

interface Home {
  readonly object: object
  readonly labels: Labels
  readonly pods: readonly PodFacts[]
}

/** Of a key, a Pod says the same for as long as its namespace is the same object. */
function changed(
  before: Home | undefined,
  { anew, ...next }: { anew: boolean; labels: Labels; pods: PodFacts[] },
): Home {
  if (before === undefined || anew) return { object: {}, ...next }
  const known = new Map(before.pods.map((pod) => [pod.key, pod]))
  return { ...before, pods: next.pods.map((pod) => known.get(pod.key) ?? pod) }
}

function namesIn(index: PodIndex, bits: Bits, mask = bits): string[] {
  const taken = index.none()
  const names: string[] = []
  for (let pod = index.takeFirst(bits, mask, taken); pod; pod = index.takeFirst(bits, mask, taken))
    names.push(pod.name ?? '')
  return names.toSorted()
}

const namesOf = (pods: readonly PodFacts[]) => pods.map(({ name }) => name ?? '').toSorted()

t.test('it selects and groups as a search through all Pods does, whatever changes', async (t) => {
  let selected = 0
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 12 }),
      fc.array(fc.tuple(selector, selector), { minLength: 1, maxLength: 4 }),
      (changes, selectors) => {
        const index = createPodIndex()
        const homes = new Map<string, Home>()
        for (const { namespace, ...next } of changes) {
          const pods = next.pods.map((one) => podFrom(namespace, one))
          const home = changed(homes.get(namespace), { ...next, pods })
          homes.set(namespace, home)
          index.put(namespace, home.object, home.labels, home.pods)
          const all = [...homes.values()].flatMap((one) => one.pods.map((pod) => ({ pod, home: one })))
          const asked = selectors.map(([ofPods, ofNamespaces]) => {
            const [left, right] = [boxOf(ofPods, podKey), boxOf(ofNamespaces, namespaceKey)]
            if (!left || !right) throw new Error('not a selector')
            const expected = all
              .filter(({ pod, home: { labels: own } }) => selects(ofPods, pod.labels) && selects(ofNamespaces, own))
              .map(({ pod }) => pod)
            selected += expected.length
            const box = intersect(left, right)
            t.strictSame(namesIn(index, index.select(box)), namesOf(expected))
            t.strictSame(index.namespacesOf(box), new Set(expected.map((pod) => pod.namespace)))
            return { box, expected }
          })
          for (const { pod } of all.slice(0, 2)) {
            const alike = all.filter(({ pod: other }) =>
              asked.every(({ expected }) => expected.includes(pod) === expected.includes(other)),
            )
            const without = index.none()
            const boxes = asked.map(({ box }) => box)
            index.dropAlike(pod, boxes, index.select(new Map()), without)
            t.strictSame(namesIn(index, without), namesOf(alike.map((one) => one.pod)), 'nobody tells them apart')
          }
          t.strictSame(namesIn(index, index.in(namespace)), namesOf(home.pods))
          const everybody = index.select(new Map())
          t.strictSame(namesIn(index, everybody), namesOf(all.map(({ pod }) => pod)))
          for (const byName of [false, true]) {
            const profiles = [...index.profiles(byName)].map(({ sample, members }) => {
              const alike = all.filter(
                ({ pod }) =>
                  pod.inboundPort === sample.inboundPort && (!byName || pod.named.size === sample.named.size),
              )
              t.strictSame(namesIn(index, everybody, members), namesOf(alike.map(({ pod }) => pod)))
              return members
            })
            const together = index.none()
            for (const members of profiles) addBits(together, members)
            t.strictSame(namesIn(index, together), namesOf(all.map(({ pod }) => pod)), 'every Pod has a profile')
          }
        }
      },
    ),
    { numRuns: 150, seed: 31 },
  )
  t.ok(selected > 2000, `${selected} were selected`)
})

t.test('it names a Pod that is there, when another one has taken the place of the first', async (t) => {
  const index = createPodIndex()
  const home = {}
  const pod = podFrom('a', { key: '1', labels: { app: 'x' }, inboundPort: 4143, named: new Map() })
  index.put('a', home, {}, [pod])
  index.put('a', home, {}, [{ ...pod, name: 'Pod a/next' }])
  t.same(namesIn(index, index.select(new Map())), ['Pod a/next'])
})

t.test('it grows with what it is asked for', async (t) => {
  const index = createPodIndex()
  const box = boxOf({ matchLabels: { app: 'x' } }, podKey) ?? new Map()
  const pods = Array.from({ length: 3000 }, (_, i) =>
    podFrom('a', {
      key: String(i),
      labels: { app: i % 3 === 0 ? 'x' : 'y', own: String(i) },
      inboundPort: 4143,
      named: new Map(),
    }),
  )
  for (const count of [10, 1000, 1024, 1025, 3000, 5]) {
    index.put('a', pods, {}, pods.slice(0, count))
    t.equal(namesIn(index, index.select(box)).length, Math.ceil(count / 3), `${count} Pods`)
    t.equal([...index.profiles(false)].length, 1)
  }
})
