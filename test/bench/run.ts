import { benchCheckTree } from './check-tree.ts'
import { benchStart } from './start.ts'
import { benchWebhook } from './webhook.ts'

/* Ratios within one run, never absolute limits: `npm run build && npm run bench`. */

const start = benchStart()
console.log(
  `start: meshgate --version ${start.meshgateMs.toFixed(0)} ms ÷ node ${start.nodeMs.toFixed(0)} ms = ${start.ratio.toFixed(2)} (goal ≤ 1.8)`,
)
await benchCheckTree()
await benchWebhook()
