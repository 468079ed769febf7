import t from 'tap'
import { judge } from '../../src/admission/judge.ts'
import { type Review, readReview } from '../../src/admission/review.ts'
import { createProjector } from '../../src/cluster/project.ts'
import { defaultConfig } from '../../src/config/config.ts'
import type { Snapshot } from '../../src/core/snapshot.ts'
import { rules } from '../../src/rules/index.ts'
import { fillStore, readAs, smallCluster } from '../bench/made-cluster.ts'
import { deployment, namespace, pod, policy, reviewKinds } from '../bench/scale-world.ts'

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

/** Objects handed out for each kind of review, after a change in its namespace and one elsewhere. */
function costs(namespaces: number): Map<string, number> {
  const store = fillStore({ ...smallCluster, namespaces, pods: 3 })
  const project = createProjector()
  const { snapshot, count } = counting(store.snapshot)
  const cost = (review: object) => {
    const before = count()
    const { failures, doubts } = judge(read(review), { rules, snapshot, config: defaultConfig, now: 0 })
    t.strictSame([failures, doubts], [[], []])
    return count() - before
  }
  // Whatever is kept of the whole cluster is there from now on.
  for (const make of Object.values(reviewKinds)) cost(make(1, 0))
  return new Map(
    Object.entries(reviewKinds).map(([name, make], i) => {
      store.upsert(readAs('Pod', pod(2, i % 10, 50 + i), project))
      store.upsert(readAs('NetworkPolicy', policy(2, 4, i % 2 === 0), project))
      store.upsert(readAs('Deployment', deployment(3, 1, i), project))
      store.upsert(readAs('Namespace', namespace(4, i % 2 === 0 ? 'enabled' : 'disabled'), project))
      return [name, cost(make(2, i))]
    }),
  )
}

t.test('it looks at as many objects in a large cluster as in a small one', async (t) => {
  const [small, large] = [costs(6), costs(60)]
  t.comment(Object.fromEntries(small))
  for (const [name, cost] of small) t.equal(large.get(name), cost, name)
  t.ok(
    [...small.values()].every((cost) => cost > 0),
    'it does look',
  )
})
