import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

/** Replaces old objects by new ones, again and again, and tells the most that the heap had, in MiB. */
const churn = `
const live = new Map()
let most = 0
for (let i = 0; i < 600_000; i++) {
  live.set(i % 60_000, { id: i, name: 'pod-' + i, list: [i, 'x' + i] })
  if (i % 5000 === 0) most = Math.max(most, process.memoryUsage().heapTotal)
}
console.log(most / 2 ** 20)
`

t.test('it keeps the heap near what is in use', async (t) => {
  const heap = join(import.meta.dirname, '../../src/server/heap.ts')
  const run = (before: string) => {
    const args = ['--max-semi-space-size=8', '--input-type=module', '--eval', `${before}${churn}`]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: {} })
    t.equal(status, 0, stderr)
    return Number(stdout)
  }
  const usual = run('')
  const small = run(`import { keepHeapSmall } from ${JSON.stringify(heap)}; keepHeapSmall();`)
  t.ok(small < 0.8 * usual, `${small.toFixed(0)} MiB at most, ${usual.toFixed(0)} without`)
})
