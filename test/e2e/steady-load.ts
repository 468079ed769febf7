import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import { policy } from './manifests.ts'

/** When a call was answered (milliseconds since 1970), and what the API server said. */
interface Failure {
  readonly at: number
  readonly said: string
}

/** What became of the calls. */
export interface LoadReport {
  readonly calls: number
  readonly failures: readonly Failure[]
  /** Calls per second, as they were. */
  readonly rate: number
}

export interface Load {
  /** So far. */
  failures(): readonly Failure[]
  /** Ends when every call has its answer. */
  stop(): Promise<LoadReport>
}

/**
 * Has the API server ask about policies that nothing is wrong with, by dry runs: their entry fails closed, so whatever is not
 * created is a failure. At a steady rate whether or not earlier calls were answered, but for `mostAtOnce`.
 */
export function startLoad(
  cluster: Cluster,
  { namespace, perSecond, mostAtOnce = Number.POSITIVE_INFINITY }: LoadOptions,
): Load {
  const path = `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies?dryRun=All`
  const object = JSON.stringify(policy(namespace, 'steady', [8080, 4143]))
  const failures: Failure[] = []
  const open = new Set<Promise<void>>()
  const stopping = new AbortController()
  let calls = 0
  const call = async () => {
    calls++
    const fail = (said: string) => failures.push({ at: Date.now(), said })
    try {
      const { status, body } = await cluster.request('POST', path, object)
      if (status !== 201) fail(`${status} ${JSON.parse(body).message ?? body}`)
    } catch (error) {
      fail(String(error))
    }
  }
  const start = performance.now()
  const going = (async () => {
    for (let sent = 0; !stopping.signal.aborted; sent++) {
      await pause(Math.max(0, start + (sent * 1000) / perSecond - performance.now()))
      while (open.size >= mostAtOnce) await Promise.race(open)
      const one: Promise<void> = call().finally(() => open.delete(one))
      open.add(one)
    }
  })()
  return {
    failures: () => failures,
    async stop() {
      stopping.abort()
      const seconds = (performance.now() - start) / 1000
      await going
      await Promise.all(open)
      return { calls, failures, rate: Math.round(calls / seconds) }
    },
  }
}

interface LoadOptions {
  readonly namespace: string
  readonly perSecond: number
  readonly mostAtOnce?: number
}
