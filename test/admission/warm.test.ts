import t from 'tap'
import type { Court } from '../../src/admission/court.ts'
import { judge } from '../../src/admission/judge.ts'
import { readReview } from '../../src/admission/review.ts'
import { keepWarm } from '../../src/admission/warm.ts'
import { createProjector } from '../../src/cluster/project.ts'
import { defaultConfig } from '../../src/config/config.ts'
import { createStore } from '../../src/core/store.ts'
import { rules } from '../../src/rules/index.ts'
import { fillStore, readAs, smallCluster } from '../bench/made-cluster.ts'
import { deployment, namespace, pod, policy, reviewKinds } from '../bench/scale-world.ts'

/*
 * Counted instead of timed: what a review makes of the whole cluster is work that grows with the cluster, or with its changes.
 */

const namespaces = 30

/** A court in a cluster, and how many objects rules were handed so far. */
function setUp() {
  const store = fillStore({ ...smallCluster, namespaces, pods: 3 })
  let count = 0
  const counted = <T extends { readonly length: number }>(found: T): T => {
    count += found.length
    return found
  }
  const { snapshot } = store
  const court: Court = {
    rules,
    config: defaultConfig,
    now: 0,
    snapshot: {
      ...snapshot,
      get now() {
        return snapshot.now
      },
      all: (kind) => counted(snapshot.all(kind)),
      inNamespace: (kind, name) => counted(snapshot.inNamespace(kind, name)),
    },
  }
  const cost = (work: () => unknown): number => {
    const before = count
    work()
    return count - before
  }
  const review = (name: string, i: number) =>
    cost(() => {
      const read = readReview(JSON.parse(JSON.stringify(reviewKinds[name]?.(2, i))))
      if ('reason' in read) throw new Error(read.reason)
      const { failures } = judge(read.review, court)
      t.same(failures, [])
    })
  return { store, court, review, warm: () => cost(() => keepWarm(court)) }
}

/** Changes in all namespaces but the one that is asked about. */
function change(store: ReturnType<typeof setUp>['store'], turn: number): void {
  const project = createProjector()
  for (let n = 3; n < namespaces; n++) {
    const other = (n + turn) % 2 === 0
    store.upsert(readAs('Pod', pod(n, n % 10, 50 + turn), project))
    store.upsert(readAs('NetworkPolicy', policy(n, 4, other), project))
    store.upsert(readAs('Deployment', deployment(n, 1, n + turn), project))
    store.upsert(readAs('Namespace', namespace(n, other ? 'enabled' : 'disabled'), project))
  }
}

t.test('it leaves the first review little to do, whatever has changed elsewhere', async (t) => {
  for (const name of ['a policy for its own namespace', 'a policy for everybody, finding', 'a Service']) {
    const { store, review, warm } = setUp()
    t.ok(warm() > 1000, 'it looks at the whole cluster')
    const usual = (review(name, 0), review(name, 0))
    change(store, 0)
    t.ok(warm() > 10 * namespaces, 'it looks at what has changed')
    const next = review(name, 0)
    t.ok(next <= usual + namespaces, `${name}: ${next} objects after the changes, ${usual} before`)
    change(store, 1)
    t.ok(review(name, 0) > usual + namespaces, 'otherwise the review does it')
  }
})

t.test('it has nothing to do where nothing is meshed, and without surroundings', async (t) => {
  const { store, court } = setUp()
  const project = createProjector()
  for (let n = 0; n < namespaces; n++) store.upsert(readAs('Namespace', namespace(n, 'disabled'), project))
  t.doesNotThrow(() => keepWarm(court))
  t.doesNotThrow(() => keepWarm({ ...court, snapshot: createStore().snapshot }))
})
