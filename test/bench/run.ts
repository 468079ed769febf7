import { benchAdmission } from './admission.ts'
import { benchCheckTree } from './check-tree.ts'
import { benchCrowded } from './crowded.ts'
import { benchLive } from './live.ts'
import { benchPass } from './pass.ts'
import { benchPolicies } from './policies.ts'
import { benchStart } from './start.ts'
import { benchWarm } from './warm.ts'
import { benchWebhook } from './webhook.ts'

/*
 * Ratios within one run, never absolute limits, where there can be one: `npm run build && npm run bench`. With names, only
 * these; `live=300` goes on for 300 seconds.
 */

const benches: Readonly<Record<string, (seconds?: number) => unknown>> = {
  start: () => benchStart(),
  check: benchCheckTree,
  webhook: benchWebhook,
  admission: benchAdmission,
  warm: benchWarm,
  pass: () => benchPass(),
  policies: benchPolicies,
  crowded: () => benchCrowded(),
  live: benchLive,
}

const wanted = process.argv.slice(2)
for (const one of wanted.length > 0 ? wanted : Object.keys(benches)) {
  const [name = '', seconds] = one.split('=')
  const bench = benches[name]
  if (bench === undefined) throw new Error(`no bench ${name}; there are ${Object.keys(benches).join(', ')}`)
  await (seconds === undefined ? bench() : bench(Number(seconds)))
}
