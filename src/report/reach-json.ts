import { describe } from '../k8s/resource.ts'
import type { Workload } from '../linkerd/reach/reach-workloads.ts'
import type { ReachReport } from './reach.ts'

/**
 * The JSON form. An interface, so its members and their order do not change within `version` 1. Workloads are named by
 * `Kind namespace/name`; every client in `from` reaches every server in `to` in the way that is told. Ports are
 * `[first, last]`. A pair that is in no link is closed, or restricted by no policy: `pairs` counts both.
 */
export function formatReachJson({ reach, links, placeOf, failures }: ReachReport): string {
  const told = {
    version: 1,
    links: links.map((link) => ({
      from: names(link.from),
      to: names(link.to),
      verdict: link.verdict,
      certain: link.certain,
      ports: link.ports,
      meshPort: link.wirePort === undefined ? null : { port: link.wirePort, open: link.wireOpen },
      causes: link.causes.map(({ rule, direction, policy, path }) => {
        const { file, line, column } = placeOf(policy, path)
        return { rule: rule ?? null, direction, policy: describe(policy), path, file, line, column }
      }),
    })),
    workloads: reach.workloads.map(({ name, namespace, pod, resource }) => {
      const { file, line } = placeOf(resource, [])
      return { name, namespace, meshed: pod.meshed, file, line }
    }),
    summary: { workloads: reach.workloads.length, policies: reach.policies, pairs: reach.pairs },
    hostNetwork: names(reach.onHost),
    doubts: reach.doubts.map(({ resource, path, reason }) => {
      const { file, line } = placeOf(resource, path)
      return { policy: describe(resource), reason, file, line }
    }),
    failures: failures.map(({ file, line, column, text }) => ({ file, line, column, text })),
  }
  return `${JSON.stringify(told, null, 2)}\n`
}

function names(workloads: readonly Workload[]): string[] {
  return workloads.map(({ name }) => name)
}
