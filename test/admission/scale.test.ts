import t from 'tap'
import { judge } from '../../src/admission/judge.ts'
import { type Review, readReview } from '../../src/admission/review.ts'
import { createProjector } from '../../src/cluster/project.ts'
import { defaultConfig } from '../../src/config/config.ts'
import type { Snapshot } from '../../src/core/snapshot.ts'
import { rules } from '../../src/rules/index.ts'
import { dialectReviews } from '../bench/dialects.ts'
import { fillStore, readAs, smallCluster } from '../bench/made-cluster.ts'
import { deployment, namespace, pod, policy, reviewKinds, reviewOf, type WorldSize } from '../bench/scale-world.ts'

/*
 * What an admission costs, counted instead of timed: the objects that rules are handed. The bench has the same in microseconds
 * and at full size.
 */

/** The snapshot, and how many objects it has handed out so far. */
function counting(snapshot: Snapshot): { snapshot: Snapshot; count: () => number } {
  let count = 0
  const counted = <T extends { readonly length: number }>(found: T): T => {
    count += found.length
    return found
  }
  const watched: Snapshot = {
    ...snapshot,
    get now() {
      return snapshot.now
    },
    all: (kind) => counted(snapshot.all(kind)),
    inNamespace: (kind, name) => counted(snapshot.inNamespace(kind, name)),
    namespacesWith(kind) {
      const found = [...snapshot.namespacesWith(kind)]
      return counted(found)
    },
  }
  return { snapshot: watched, count: () => count }
}

function read(review: object): Review {
  const found = readReview(JSON.parse(JSON.stringify(review)))
  if ('reason' in found) throw new Error(found.reason)
  return found.review
}

type Reviews = Readonly<Record<string, (n: number, i: number) => object>>

/** Objects handed out for each kind of review, after a change in its namespace and one elsewhere. */
function costs(size: Partial<WorldSize>, reviews: Reviews = reviewKinds): Map<string, number> {
  const store = fillStore({ ...smallCluster, pods: 3, ...size })
  const project = createProjector()
  const { snapshot, count } = counting(store.snapshot)
  const cost = (review: object) => {
    const before = count()
    const { failures, doubts } = judge(read(review), { rules, snapshot, config: defaultConfig, now: 0 })
    t.strictSame([failures, doubts], [[], []])
    return count() - before
  }
  // Whatever is kept of the whole cluster is there from now on.
  for (const make of Object.values(reviews)) cost(make(1, 0))
  return new Map(
    Object.entries(reviews).map(([name, make], i) => {
      store.upsert(readAs('Pod', pod(2, i % 10, 50 + i), project))
      store.upsert(readAs('NetworkPolicy', policy(2, 4, i % 2 === 0), project))
      store.upsert(readAs('Deployment', deployment(3, 1, i), project))
      store.upsert(readAs('Namespace', namespace(4, i % 2 === 0 ? 'enabled' : 'disabled'), project))
      return [name, cost(make(2, i))]
    }),
  )
}

/** Who may be news to policies of other namespaces. */
const comings: Reviews = Object.fromEntries(
  Object.entries(reviewKinds).filter(([name]) => name === 'a Namespace that is meshed' || name === 'a new Deployment'),
)
/** Its proxies listen where no others do. */
const alone: Reviews = {
  alone: (n) => {
    const { metadata, ...rest } = namespace(n, 'enabled')
    const annotations = { 'linkerd.io/inject': 'enabled', 'config.linkerd.io/inbound-port': '4243' }
    return reviewOf('UPDATE', { ...rest, metadata: { ...(metadata as object), annotations } }, namespace(n, 'enabled'))
  },
}

t.test('it looks at as many objects in a large cluster as in a small one', async (t) => {
  const others = Object.entries(reviewKinds).filter(([name]) => comings[name] === undefined)
  const reviews = { ...Object.fromEntries(others), ...dialectReviews }
  const [small, large] = [costs({ namespaces: 6 }, reviews), costs({ namespaces: 60 }, reviews)]
  t.comment(Object.fromEntries(small))
  for (const [name, cost] of small) t.equal(large.get(name), cost, name)
  t.ok(
    [...small.values()].every((cost) => cost > 0),
    'it does look',
  )
})

t.test('it looks, for who comes, at where policies mean them, and not at the cluster', async (t) => {
  // The first six policies of a namespace are about its own Pods alone.
  const [near, nearer] = [
    costs({ namespaces: 60, policies: 6 }, comings),
    costs({ namespaces: 6, policies: 6 }, comings),
  ]
  const [far, farther] = [costs({ namespaces: 60 }, comings), costs({ namespaces: 120 }, comings)]
  for (const [name, cost] of nearer) {
    t.equal(near.get(name), cost, `${name}: none means it`)
    const [some = 0, more = 0] = [far.get(name), farther.get(name)]
    t.comment({ name, some, more })
    t.ok(more - some < 60, `${name}: hardly an object for each namespace more, where others are alike`)
  }
})

t.test('it looks, for who is not like any other, at what two hundred policies take, and no more', async (t) => {
  const size = { workloads: 3, pods: 1, policies: 40 }
  const [many = 0, more = 0] = [60, 120].map((namespaces) => costs({ ...size, namespaces }, alone).get('alone'))
  t.comment({ many, more })
  // Eight policies of each namespace mean it: two hundred are those of twenty-five. Of the others, the Namespace is looked at.
  t.ok(many > 200 && more - many < 60 * 4)
})
