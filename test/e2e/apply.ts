import type { Answer, Cluster } from './cluster.ts'

/* Objects for the cluster of a story, which must be there for it to go on. */

/** @throws what kubectl said, unless it is done */
export function done(answer: Answer): Answer {
  if (answer.status !== 0) throw new Error(answer.stderr)
  return answer
}

/** As `kubectl apply -f` and `kubectl create -f` read them. */
export function listOf(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}

/** @throws unless all of them are as they should be */
export async function apply(cluster: Cluster, ...items: readonly object[]): Promise<void> {
  done(await cluster.kubectl(['apply', '-f', '-'], listOf(items)))
}

/** @throws unless all of them are new */
export async function create(cluster: Cluster, ...items: readonly object[]): Promise<void> {
  done(await cluster.kubectl(['create', '-f', '-'], listOf(items)))
}
