import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { ProcessState } from './cluster-server.ts'
import { type MadeApiServer, startMadeApiServer } from './made-api-server.ts'
import { largeCluster } from './made-cluster.ts'
import { deployment, namespace, pod, policy, reviewKinds } from './scale-world.ts'

const eventsPerSecond = 200
const reviewsPerSecond = 20
const quietMs = 15_000

/** As in the image: without a limit, V8 takes 128 MiB for new objects while everything is read, and keeps them. */
const smallNewSpace = '--max-semi-space-size=8'

/** Likewise: glibc would give each thread an arena of its own. */
const oneArena = { MALLOC_ARENA_MAX: '1' }

/**
 * The webhook of a large cluster, in a process of its own: what it needs once it has read everything and nothing happens, and
 * how late it is with 200 changes a second and admissions of every kind. Times are as the caller sees them; how late the
 * caller's own timers are says what the machine is worth. Needs `npm run build`.
 */
export async function benchLive(seconds = 60): Promise<void> {
  const apiServer = await startMadeApiServer(largeCluster)
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-live-'))
  writeFileSync(join(folder, 'token'), 'token')
  writeFileSync(join(folder, 'ca.crt'), apiServer.ca)
  const server = join(folder, 'cluster-server.mjs')
  writeFileSync(server, stripTypeScriptTypes(readFileSync(join(import.meta.dirname, 'cluster-server.ts'), 'utf8')))
  const child = fork(server, [folder, join(import.meta.dirname, '../../dist')], {
    execArgv: [smallNewSpace],
    env: {
      ...process.env,
      ...oneArena,
      KUBERNETES_SERVICE_HOST: '127.0.0.1',
      KUBERNETES_SERVICE_PORT: String(apiServer.port),
    },
  })
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  try {
    const [url] = (await once(child, 'message')) as [string]
    const state = async (): Promise<ProcessState> => {
      child.send('state')
      const [answer] = (await once(child, 'message')) as [ProcessState]
      return answer
    }
    const start = performance.now()
    while (!(await isSynced(url, agent))) await setTimeout(500)
    const read = await state()
    console.log(
      `memory: 100,000 Pods and 10,000 policies read in ${((performance.now() - start) / 1000).toFixed(0)} s: peak ${read.peakRssMiB.toFixed(0)} MiB; lag p99 ${read.lag.p99.toFixed(0)} ms, most ${read.lag.most.toFixed(0)} ms`,
    )
    // A review of each kind, so that what reviews derive from the whole cluster is there.
    for (const make of Object.values(reviewKinds)) await post(url, make(1, 0), agent)
    await setTimeout(quietMs)
    const idle = await state()
    console.log(
      `memory: idle for ${quietMs / 1000} s: RSS ${idle.rssMiB.toFixed(0)} MiB (goal ≤ 250), heap ${idle.heapMiB.toFixed(0)} MiB`,
    )
    const stop = startEvents(apiServer)
    const own = watchLag()
    const latencies = await admit(url, seconds, agent)
    const events = stop()
    const callerMs = own()
    const busy = await state()
    const [p50, p99, most] = [0.5, 0.99, 1].map((share) => percentile(latencies, share).toFixed(1))
    console.log(
      `events: ${events} changes and ${latencies.length} admissions in ${seconds} s: lag p99 ${busy.lag.p99.toFixed(1)} ms, most ${busy.lag.most.toFixed(0)} ms; admission p50 ${p50} ms, p99 ${p99} ms, most ${most} ms (goal p99 ≤ 50 ms); CPU ${(busy.cpu * 100).toFixed(0)} %, RSS ${busy.rssMiB.toFixed(0)} MiB; the caller's own lag p99 ${callerMs.toFixed(1)} ms`,
    )
  } finally {
    child.disconnect()
    agent.destroy()
    apiServer.close()
    rmSync(folder, { recursive: true })
  }
}

async function isSynced(url: string, agent: Agent): Promise<boolean> {
  const verbose = await ask(`${url}/readyz?verbose`, agent)
  return !verbose.includes('unsynced') && !verbose.includes('not synced')
}

/** Of ten changes, six that no rule minds, two of a Pod that takes another one's place, and two of what people write. */
function startEvents(apiServer: MadeApiServer): () => number {
  const { namespaces, workloads, pods } = largeCluster
  let count = 0
  const send = () => {
    const i = count++
    const n = (i * 37) % namespaces
    const w = i % workloads
    const p = Math.floor(i / 10) % pods
    switch (i % 10) {
      case 0:
        return apiServer.event('Pod', 'DELETED', pod(n, w, p))
      case 1:
        return apiServer.event('Pod', 'ADDED', pod(n, w, pods + i))
      case 2: {
        const changed = [
          () => apiServer.event('NetworkPolicy', 'MODIFIED', policy(n, p, i % 3 === 0)),
          () => apiServer.event('Deployment', 'MODIFIED', deployment(n, w, 1 + (i % 20))),
          () => apiServer.event('Namespace', 'MODIFIED', namespace(n, i % 7 === 0 ? 'disabled' : 'enabled')),
        ]
        return changed[Math.floor(i / 10) % changed.length]?.()
      }
      case 3:
        return apiServer.event('NetworkPolicy', 'MODIFIED', policy(n, (p + 1) % 10, i % 2 === 0))
      default:
        return apiServer.event('Pod', 'MODIFIED', { ...pod(n, w, p), status: { phase: 'Running', at: i } })
    }
  }
  const start = performance.now()
  const timer = setInterval(() => {
    while (count < ((performance.now() - start) / 1000) * eventsPerSecond) send()
  }, 5)
  return () => {
    clearInterval(timer)
    return count
  }
}

/** Admissions at a steady pace, whether earlier ones were answered or not. Answers how long each took, in milliseconds. */
async function admit(url: string, seconds: number, agent: Agent): Promise<number[]> {
  const kinds = Object.values(reviewKinds)
  const latencies: Promise<number>[] = []
  const start = performance.now()
  for (let i = 0; i < seconds * reviewsPerSecond; i++) {
    const wait = start + (i * 1000) / reviewsPerSecond - performance.now()
    if (wait > 0) await setTimeout(wait)
    const review = kinds[i % kinds.length]?.((i * 61) % largeCluster.namespaces, i) ?? {}
    latencies.push(post(url, review, agent))
  }
  return Promise.all(latencies)
}

/** How late timers are here. Answers the 99th percentile, in milliseconds. */
function watchLag(): () => number {
  const lags: number[] = []
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    lags.push(now - last - 10)
    last = now
  }, 10)
  return () => {
    clearInterval(timer)
    return percentile(lags, 0.99)
  }
}

async function post(url: string, review: object, agent: Agent): Promise<number> {
  const start = performance.now()
  const answer = await ask(`${url}/validate?timeout=10s`, agent, JSON.stringify(review))
  if (!answer.includes('"allowed"') || answer.includes('not judged')) throw new Error(answer)
  return performance.now() - start
}

function ask(url: string, agent: Agent, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const outgoing = request(url, { agent, ...(body === undefined ? {} : { method: 'POST', headers }) }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => (text += piece))
      response.on('end', () => resolve(text))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
