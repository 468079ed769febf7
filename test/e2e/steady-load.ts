import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'

/** What became of the requests: each failure with when it was answered (milliseconds since 1970), and what the API server said. */
export interface LoadReport {
  readonly calls: number
  readonly failures: readonly { readonly at: number; readonly said: string }[]
}

/** Requests to the API server, at a steady rate whether or not earlier ones were answered, until told to stop. */
export interface Load {
  stop(): Promise<LoadReport>
}

/** Creates dry-run objects at `perSecond`; whatever is not created is a failure. */
export function startLoad(cluster: Cluster, path: string, object: object, perSecond: number): Load {
  const body = JSON.stringify(object)
  const failures: { at: number; said: string }[] = []
  const open = new Set<Promise<void>>()
  let calls = 0
  const stopping = new AbortController()
  const call = async () => {
    calls++
    try {
      const { status, body: said } = await cluster.request('POST', `${path}?dryRun=All`, body)
      if (status !== 201) failures.push({ at: Date.now(), said: JSON.parse(said).message ?? said })
    } catch (error) {
      failures.push({ at: Date.now(), said: String(error) })
    }
  }
  const going = (async () => {
    const start = performance.now()
    for (let sent = 0; !stopping.signal.aborted; sent++) {
      await pause(Math.max(0, start + (sent * 1000) / perSecond - performance.now()))
      const one: Promise<void> = call().finally(() => open.delete(one))
      open.add(one)
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await going
      await Promise.all(open)
      return { calls, failures }
    },
  }
}
