import { judge } from '../../src/admission/judge.ts'
import { type Review, readReview } from '../../src/admission/review.ts'
import { keepWarm } from '../../src/admission/warm.ts'
import { createProjector } from '../../src/cluster/project.ts'
import { defaultConfig } from '../../src/config/config.ts'
import { rules } from '../../src/rules/index.ts'
import { fillStore, readAs, smallCluster } from './made-cluster.ts'
import { deployment, namespace, pod, policy, reviewKinds } from './scale-world.ts'

const size = { ...smallCluster, namespaces: 200 }
const changes = 10_000

/**
 * The first review after 10,000 changes, of each kind: where what reviews keep of the cluster has been corrected meanwhile ÷
 * where the review itself does it. And what the correction takes.
 */
export function benchWarm(): void {
  const store = fillStore(size)
  const project = createProjector()
  const court = { rules, snapshot: store.snapshot, config: defaultConfig, now: 0 }
  const timeOf = (work: () => unknown): number => {
    const start = performance.now()
    work()
    return performance.now() - start
  }
  let i = 0
  const change = () => {
    for (const end = i + changes; i < end; i++) {
      const n = (i * 37) % size.namespaces
      if (i % 4 === 0) store.upsert(readAs('NetworkPolicy', policy(n, i % 10, i % 8 === 0), project))
      else if (i % 4 === 1) store.upsert(readAs('Deployment', deployment(n, i % 10, i % 20), project))
      else if (i % 40 === 2)
        store.upsert(readAs('Namespace', namespace(n, i % 3 === 0 ? 'disabled' : 'enabled'), project))
      else store.upsert(readAs('Pod', pod(n, i % 10, 200 + i), project))
    }
  }
  const times = { cold: [] as number[], warm: [] as number[], correction: [] as number[] }
  keepWarm(court)
  for (const how of ['cold', 'warm'] as const)
    for (const make of Object.values(reviewKinds)) {
      const review = reviewFrom(make(7, 0))
      judge(review, court)
      change()
      if (how === 'warm') times.correction.push(timeOf(() => keepWarm(court)))
      times[how].push(timeOf(() => judge(review, court)))
    }
  const [cold, warm, correction] = [times.cold, times.warm, times.correction].map((all) =>
    all.toSorted((a, b) => a - b),
  )
  const middle = (all: readonly number[] = []) => all[all.length >> 1] ?? Number.NaN
  const most = (all: readonly number[] = []) => all.at(-1) ?? Number.NaN
  console.log(
    `warm: first review after ${changes} changes: ${middle(warm).toFixed(1)} ms ÷ ${middle(cold).toFixed(1)} ms cold = ${(middle(warm) / middle(cold)).toFixed(2)}; most ${most(warm).toFixed(0)} ms ÷ ${most(cold).toFixed(0)} ms; the correction ${middle(correction).toFixed(0)} ms`,
  )
}

function reviewFrom(wire: object): Review {
  const read = readReview(JSON.parse(JSON.stringify(wire)))
  if ('reason' in read) throw new Error(read.reason)
  return read.review
}
