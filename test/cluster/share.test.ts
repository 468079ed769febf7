import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { createSharer } from '../../src/cluster/share.ts'

t.test('it makes equal objects one, whatever their kind', async (t) => {
  const { share } = createSharer()
  for (const make of [
    () => ({ app: 'web', tier: null }),
    () => ['a', 'b'],
    () => ({ __proto__: null, constructor: 'x' }),
    () => [{ name: 'a', ports: [1, 2, { deep: true }] }],
  ] as (() => object)[]) {
    const first = share(make())
    t.equal(share(make()), first)
  }
  t.not(share({ a: '1' }), share({ a: 1 }))
  t.not(share({ a: '1', b: '2' }), share({ a: '2', b: '1' }))
  t.not(share([]), share({}))
})

t.test('it keeps apart what is different, also in one place of its table', async (t) => {
  const { share } = createSharer()
  const seen = new Map<string, object>()
  for (let i = 0; i < 50_000; i++) {
    const value = { name: `service-${i % 25_000}`, port: 8000 + (i % 5) }
    const shared = share({ ...value })
    if (shared.name !== value.name || shared.port !== value.port) t.fail(JSON.stringify([shared, value]))
    const key = JSON.stringify(value)
    if (seen.has(key) && seen.get(key) !== shared) t.fail(`${key} twice`)
    seen.set(key, shared)
  }
  t.pass()
})

t.test('it forgets what nobody uses, so that its table does not grow', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const sharer = createSharer()
  let kept: object | undefined
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 2000; i++) {
      const shared = sharer.share({ round, i })
      kept ??= shared
    }
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  t.ok(sharer.size() < 10_000, `${sharer.size()} of 40,000`)
  t.equal(sharer.share({ round: 0, i: 0 }), kept)
})
