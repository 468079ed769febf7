import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'

/** What became of the calls. */
export interface LoadResult {
  readonly calls: number
  readonly failures: readonly string[]
  /** Calls per second, as they were. */
  readonly rate: number
}

export interface Load {
  /** Calls that failed so far. */
  failures(): readonly string[]
  /** Ends when every call has its answer. */
  stop(): Promise<LoadResult>
}

/** An object that the entry of policies is asked about, which fails closed; and which nothing is wrong with. */
const policy = JSON.stringify({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { generateName: 'load-' },
  spec: { podSelector: { matchLabels: { app: 'nobody' } }, policyTypes: ['Egress'], egress: [{}] },
})

/** More at once would only wait for each other. */
const mostAtOnce = 64

/** Asks the API server to create an object, as a dry run, so many times a second, and has each call verified by the webhook. */
export function startLoad(cluster: Cluster, namespace: string, perSecond: number): Load {
  const path = `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies?dryRun=All`
  const failures: string[] = []
  const pending = new Set<Promise<void>>()
  const begin = performance.now()
  const stopping = new AbortController()
  let calls = 0
  const call = async () => {
    calls++
    try {
      const { status, body } = await cluster.request('POST', path, policy)
      if (status !== 201) failures.push(`${status} ${JSON.parse(body).message}`)
    } catch (error) {
      failures.push(String(error))
    }
  }
  const launch = () => {
    const one = call().finally(() => pending.delete(one))
    pending.add(one)
  }
  const run = (async () => {
    while (!stopping.signal.aborted) {
      const due = Math.floor(((performance.now() - begin) / 1000) * perSecond)
      const more = Math.min(due - calls, mostAtOnce - pending.size)
      for (let i = 0; i < more; i++) launch()
      await pause(10)
    }
    await Promise.all(pending)
  })()
  return {
    failures: () => failures,
    async stop() {
      stopping.abort()
      const seconds = (performance.now() - begin) / 1000
      await run
      return { calls, failures, rate: Math.round(calls / seconds) }
    },
  }
}
