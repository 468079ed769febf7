import { Agent, request } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'

/*
 * A client in a process of its own: posts a review again and again, from one address, and tells how it fared.
 * Its argument and what it prints are JSON.
 */

export interface Flood {
  readonly url: string
  readonly ca: string
  readonly name: string
  /** The address that it comes from. */
  readonly source: string
  readonly lanes: number
  readonly seconds: number
  /** 0 is as fast as it goes. */
  readonly perSecond: number
  readonly body: string
}

export interface FloodReport {
  readonly calls: number
  readonly perSecond: number
  /** How many had each status, or were broken off. */
  readonly statuses: Readonly<Record<string, number>>
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

const { url, ca, name, source, lanes, seconds, perSecond, body }: Flood = JSON.parse(process.argv[2] ?? '{}')

const agent = new Agent({ keepAlive: true, maxSockets: lanes, ca, servername: name, localAddress: source })
const statuses = new Map<string, number>()
const times: number[] = []

function call(): Promise<void> {
  const start = performance.now()
  return new Promise((resolve) => {
    const done = (status: string) => {
      times.push(performance.now() - start)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      resolve()
    }
    const headers = { 'content-type': 'application/json' }
    const outgoing = request(`${url}/validate?timeout=5s`, { method: 'POST', agent, headers }, (response) => {
      response.resume()
      response.on('end', () => done(String(response.statusCode)))
    })
    outgoing.on('error', () => done('broken'))
    outgoing.end(body)
  })
}

const end = performance.now() + seconds * 1000
await Promise.all(
  Array.from({ length: lanes }, async () => {
    while (performance.now() < end) {
      const next = performance.now() + (perSecond > 0 ? (1000 * lanes) / perSecond : 0)
      await call()
      await pause(Math.max(0, next - performance.now()))
    }
  }),
)
agent.destroy()
times.sort((a, b) => a - b)
const at = (share: number) => Math.round((times[Math.floor(times.length * share)] ?? 0) * 10) / 10
const report: FloodReport = {
  calls: times.length,
  perSecond: Math.round(times.length / seconds),
  statuses: Object.fromEntries(statuses),
  p50: at(0.5),
  p99: at(0.99),
}
console.log(JSON.stringify(report))
