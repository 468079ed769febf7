import { rules } from '../../src/rules/index.ts'
import { buildApp } from '../../src/server/app.ts'
import { createMetrics } from '../../src/server/metrics.ts'
import { oddPolicy, shop, strict } from '../admission/reviews.ts'

/* Prints what the webhook answers about an object with JavaScript's own keys: run with and without `--disable-proto=delete`. */

const { server } = buildApp({
  court: { rules, snapshot: shop, config: strict },
  metrics: createMetrics(),
  clock: () => performance.now() / 1000,
})
const headers = { 'content-type': 'application/json' }
for (const url of ['/validate', '/mutate'])
  console.log((await server.inject({ method: 'POST', url, headers, payload: oddPolicy })).body)
console.log(String(Reflect.get({}, 'polluted')))
