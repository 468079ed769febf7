import { judge } from '../../src/admission/judge.ts'
import { type Review, readReview } from '../../src/admission/review.ts'
import { defaultConfig } from '../../src/config/config.ts'
import type { Snapshot } from '../../src/core/snapshot.ts'
import { rules } from '../../src/rules/index.ts'
import { fillStore, largeCluster, smallCluster } from './made-cluster.ts'
import { reviewKinds, type WorldSize } from './scale-world.ts'

const rounds = 15
/** Reviews of one kind in one round. */
const atATime = 40

/**
 * The time of one admission in a large cluster ÷ in a small one, with the same neighbours: by kinds of reviews, each in many
 * namespaces, the two clusters by turns. Of each kind the best round counts: in the others something else ran as well.
 */
export function benchAdmission(): void {
  const sides = [smallCluster, largeCluster].map((size) => ({ size, snapshot: fillStore(size).snapshot }))
  const best = new Map<string, [small: number, large: number]>()
  for (let round = 0; round < rounds; round++)
    for (const name of Object.keys(reviewKinds))
      for (const [i, { size, snapshot }] of sides.entries()) {
        const us = timeOf(reviewsOf(name, size, round), snapshot)
        const known = best.get(name) ?? [Infinity, Infinity]
        known[i] = Math.min(known[i] ?? Infinity, us)
        best.set(name, known)
      }
  const line = (name: string, [small, large]: readonly [number, number], goal = '') =>
    console.log(
      `admission: ${name}: ${large.toFixed(0)} µs ÷ ${small.toFixed(0)} µs = ${(large / small).toFixed(2)}${goal}`,
    )
  for (const [name, times] of best) line(name, times)
  const sum = [0, 1].map((side) => best.values().reduce((total, times) => total + (times[side] ?? 0), 0) / best.size)
  line('the mix, 1,000 namespaces ÷ 10', [sum[0] ?? 0, sum[1] ?? 0], ' (goal ≤ 1.5)')
}

/** Reviews in namespaces all over the cluster: the same at every round. */
function reviewsOf(name: string, { namespaces }: WorldSize, round: number): Review[] {
  const make = reviewKinds[name]
  return Array.from({ length: atATime }, (_, i) => {
    const read = readReview(JSON.parse(JSON.stringify(make?.((i * 97) % namespaces, round))))
    if ('reason' in read) throw new Error(read.reason)
    return read.review
  })
}

/** Microseconds for one. */
function timeOf(reviews: readonly Review[], snapshot: Snapshot): number {
  const start = performance.now()
  for (const review of reviews) {
    const { failures, doubts } = judge(review, { rules, snapshot, config: defaultConfig, now: 0 })
    if (failures.length > 0 || doubts.length > 0) throw new Error('not judged')
  }
  return ((performance.now() - start) * 1000) / reviews.length
}
