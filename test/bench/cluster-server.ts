import { createHistogram } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import type * as Configuration from '../../src/config/config.ts'
import type * as Main from '../../src/main.ts'

/*
 * The webhook as it runs in a Pod, in a process of its own and from the build (reading TypeScript takes 60 MiB by itself): it
 * follows the API server that its environment names. Arguments: the folder of its credentials, and that of the build. Tells
 * its URL, and how it is when asked; ends with its parent.
 */

/** What the process tells of itself. */
export interface ProcessState {
  readonly rssMiB: number
  readonly peakRssMiB: number
  readonly heapMiB: number
  /** By how much timers of 10 ms were late since it was asked last, in milliseconds. */
  readonly lag: { readonly p50: number; readonly p99: number; readonly most: number }
  /** The share of one CPU that it used since then. */
  readonly cpu: number
}

const [folder = '', build = ''] = process.argv.slice(2)
const { startWebhook }: typeof Main = await import(`${build}/main.js`)
const { defaultConfig }: typeof Configuration = await import(`${build}/config/config.js`)
const webhook = await startWebhook({
  host: '127.0.0.1',
  port: 0,
  names: ['127.0.0.1'],
  cluster: { from: 'pod', folder, env: process.env },
  snapshot: [],
  config: defaultConfig,
})
const lags = createHistogram()
let since = { at: performance.now(), cpu: process.cpuUsage() }
process.on('message', () => {
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage(since.cpu)
  const state: ProcessState = {
    rssMiB: rss / 2 ** 20,
    peakRssMiB: process.resourceUsage().maxRSS / 1024,
    heapMiB: heapUsed / 2 ** 20,
    lag: { p50: lags.percentile(50) / 1e6, p99: lags.percentile(99) / 1e6, most: lags.max / 1e6 },
    cpu: (user + system) / 1000 / (performance.now() - since.at),
  }
  lags.reset()
  since = { at: performance.now(), cpu: process.cpuUsage() }
  process.send?.(state)
})
process.on('disconnect', () => process.exit(0))
process.send?.(webhook.url)

for (;;) {
  const start = performance.now()
  await setTimeout(10)
  lags.record(Math.max(1, Math.round((performance.now() - start - 10) * 1e6)))
}
