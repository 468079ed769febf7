import { defaultConfig } from '../../src/config/config.ts'
import { analyse } from '../../src/core/analyse.ts'
import type { Resource } from '../../src/k8s/resource.ts'
import { rules } from '../../src/rules/index.ts'
import { fillStore, kindsRead, largeCluster } from './made-cluster.ts'
import type { WorldSize } from './scale-world.ts'

/**
 * Every policy, Service and workload of a cluster judged in one pass, as an audit does: the time of a large cluster ÷ that of
 * one a tenth its size, by CPU. The better of two passes each, of a snapshot of which nothing was derived before.
 */
export function benchPass(everything: WorldSize = largeCluster): void {
  const tenth = { ...everything, namespaces: everything.namespaces / 10 }
  const [small, large] = [tenth, everything].map((size) => [pass(size), pass(size)].toSorted((a, b) => a.ms - b.ms)[0])
  if (small === undefined || large === undefined) return
  console.log(
    `pass${everything.dialects ? ', all dialects' : ''}: ${large.subjects} objects with ${large.findings} findings ${large.ms.toFixed(0)} ms ÷ ${small.subjects} objects ${small.ms.toFixed(0)} ms = ${(large.ms / small.ms).toFixed(1)} (goal ≤ 12)`,
  )
}

function pass(size: WorldSize): { subjects: number; findings: number; ms: number } {
  const { snapshot } = fillStore(size)
  const subjects = kindsRead.filter((kind) => kind !== 'Pod').flatMap((kind): readonly Resource[] => snapshot.all(kind))
  const settings = defaultConfig.linkerd
  const since = process.cpuUsage()
  const { findings, failures } = analyse({ subjects, snapshot, rules, settings, stage: 'admitted' })
  const ms = cpuMsSince(since)
  if (failures.length > 0) throw new Error('a rule failed')
  return { subjects: subjects.length, findings: findings.length, ms }
}

/** Milliseconds of CPU: other processes do not count. */
export function cpuMsSince(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}
