import t from 'tap'
import { createConnection } from '../../src/cluster/connection.ts'
import { type Reflector, startReflector } from '../../src/cluster/reflector.ts'
import { createManualClock, type ManualClock } from './manual-clock.ts'
import { type ScriptedServer, startScriptedServer, status } from './scripted-server.ts'

/** An object as this test's API server has it. `text` is all that is kept. */
const thing = (name: string, resourceVersion: string | number, text = '', uid = `uid-of-${name}`) => ({
  metadata: { name, namespace: 'shop', uid, resourceVersion: String(resourceVersion) },
  text,
})

type Item = { readonly name: string; readonly text: string }

interface Stage {
  readonly server: ScriptedServer
  readonly clock: ManualClock
  readonly reflector: Reflector
  /** `name=text` of what the sink holds. */
  readonly holds: () => string[]
  /** Waits until the sink holds exactly this. */
  readonly becomes: (...expected: string[]) => Promise<void>
  /** Calls to the sink so far. */
  readonly calls: string[]
  sinkThrows: boolean
  readonly sockets: () => number
}

type Test = Pick<typeof t, 'same' | 'teardown'>

async function stage(t: Test, mostLineBytes = 4096, random = 0.5): Promise<Stage> {
  const server = await startScriptedServer()
  const clock = createManualClock(random)
  const connection = createConnection(server.credentials, clock, 4)
  const held = new Map<string, string>()
  const calls: string[] = []
  const watchers = new Set<() => void>()
  const heard = (call: string) => {
    calls.push(call)
    for (const watcher of watchers) watcher()
    if (it.sinkThrows) throw new Error('the sink is broken')
  }
  const reflector = startReflector<Item>(
    {
      group: '',
      resource: 'things',
      decode(_apiVersion, object) {
        const { metadata, text } = object as ReturnType<typeof thing>
        if (text === 'malformed') throw new Error('malformed')
        return text === 'left out' ? undefined : { name: metadata.name, text }
      },
      sink: {
        replace(items) {
          held.clear()
          for (const { name, text } of items) held.set(name, text)
          heard('replace')
        },
        upsert({ name, text }) {
          held.set(name, text)
          heard(`upsert ${name}`)
        },
        remove(_namespace, name) {
          held.delete(name)
          heard(`remove ${name}`)
        },
      },
    },
    { connection, clock, mostLineBytes },
  )
  const holds = () => [...held].map(([name, text]) => `${name}=${text}`).toSorted()
  const it: Stage = {
    server,
    clock,
    reflector,
    holds,
    calls,
    sinkThrows: false,
    async becomes(...expected) {
      while (holds().join() !== expected.join())
        await new Promise<void>((resolve) => {
          const watcher = () => {
            watchers.delete(watcher)
            resolve()
          }
          watchers.add(watcher)
        })
      t.same(holds(), expected)
    },
    sockets: () => connection.sockets(),
  }
  t.teardown(async () => {
    await reflector.stop()
    connection.close()
    await server.close()
    if (clock.pending() > 0) throw new Error('a timer is left')
  })
  return it
}

/** Lists `a=1`, and opens the watch after it. */
async function synced(t: Test, mostLineBytes?: number, random?: number) {
  const it = await stage(t, mostLineBytes, random)
  ;(await it.server.next()).list([thing('a', 1, '1')], '10')
  const watch = await it.server.next()
  watch.write('')
  // Only now does the client know that the stream is open.
  await it.clock.set('silence')
  await it.becomes('a=1')
  return { ...it, it, watch }
}

t.test('it lists in pages, then watches from where the list was', async (t) => {
  const { server, becomes, reflector, calls } = await stage(t)
  const first = await server.next()
  t.equal(first.path, '/api/v1/things')
  t.same(Object.fromEntries(first.query), { limit: '500' }, 'never resourceVersion=0: it would undo the limit')
  first.list([thing('a', 1, '1')], '10', 'more')
  const second = await server.next()
  t.same(Object.fromEntries(second.query), { limit: '500', continue: 'more' })
  second.list([thing('b', 2, '2'), thing('c', 3, 'left out'), thing('d', 4, 'malformed')], '10')
  const watch = await server.next()
  t.same(Object.fromEntries(watch.query), {
    watch: '1',
    allowWatchBookmarks: 'true',
    timeoutSeconds: '300',
    resourceVersion: '10',
  })
  await becomes('a=1', 'b=2')
  t.same(calls, ['replace'])
  t.match(reflector.health(), { synced: true, objects: 2, malformed: 1, error: undefined })
})

t.test('it follows events, and takes each state once', async (t) => {
  const { watch, becomes, calls } = await synced(t)
  watch.event('ADDED', thing('b', 11, 'new'))
  watch.event('ADDED', thing('b', 11, 'new'))
  watch.event('MODIFIED', thing('a', 1, 'not looked at: the version is held'))
  watch.event('MODIFIED', thing('a', 5, 'a version is a name, not a number'))
  watch.event('DELETED', thing('b', 12))
  await becomes('a=a version is a name, not a number')
  t.same(calls, ['replace', 'upsert b', 'upsert a', 'remove b'])
})

t.test('it tells an object from another one of its name', async (t) => {
  const { watch, becomes, calls } = await synced(t)
  watch.event('ADDED', thing('a', 11, 'recreated', 'another uid'))
  watch.event('DELETED', thing('a', 12, '', 'uid-of-a'))
  watch.event('ADDED', thing('z', 13, 'z'))
  await becomes('a=recreated', 'z=z')
  t.same(calls, ['replace', 'upsert a', 'upsert z'])
})

t.test('it forgets what became malformed, or somebody else’s to speak for', async (t) => {
  const { watch, becomes, reflector } = await synced(t)
  watch.event('MODIFIED', thing('a', 11, 'malformed'))
  await becomes()
  t.equal(reflector.health().malformed, 1)
  watch.event('MODIFIED', thing('a', 12, 'well'))
  await becomes('a=well')
  t.equal(reflector.health().malformed, 0)
  watch.event('MODIFIED', thing('a', 13, 'left out'))
  await becomes()
})

t.test('it goes on where the last bookmark was when a stream ends in its time', async (t) => {
  const { watch, server, clock, calls } = await synced(t)
  watch.event('BOOKMARK', { metadata: { resourceVersion: '77' } })
  clock.advance(300_000)
  watch.end()
  const next = await server.next()
  t.equal(next.query.get('resourceVersion'), '77')
  t.same(calls, ['replace'])
})

// T33: what the stream may do, and that everything is listed again after it.
const corruptions: readonly (readonly [
  string,
  (watch: Awaited<ReturnType<ScriptedServer['next']>>) => void,
  string,
])[] = [
  ['an ERROR event 410', (watch) => watch.event('ERROR', status(410, 'too old')), 'gone'],
  ['an ERROR event 500 on a stream that stays open', (watch) => watch.event('ERROR', status(500, 'cannot')), 'corrupt'],
  ['a line that is not JSON', (watch) => watch.write('{"type":\n'), 'corrupt'],
  ['a line that is not an event', (watch) => watch.write('[]\n'), 'corrupt'],
  ['an event of a type that nobody knows', (watch) => watch.event('MOVED', thing('a', 2)), 'corrupt'],
  ['an event without an object', (watch) => watch.write('{"type":"ADDED"}\n'), 'corrupt'],
  ['an object without a name', (watch) => watch.event('ADDED', { metadata: { resourceVersion: '3' } }), 'corrupt'],
  [
    'a last line that is cut short',
    (watch) => {
      watch.write('{"type":"ADDED","object":{"metad')
      watch.end()
    },
    'corrupt',
  ],
  ['a line that does not end', (watch) => watch.write('x'.repeat(20_000)), 'corrupt'],
  [
    'a line that is too long',
    (watch) => watch.event('ADDED', { ...thing('a', 2), annotations: 'x'.repeat(5000) }),
    'corrupt',
  ],
]
for (const [what, happen, reason] of corruptions)
  t.test(`it lists again after ${what}`, async (t) => {
    const { watch, server, clock, becomes, reflector } = await synced(t)
    happen(watch)
    await clock.fire('back-off')
    await watch.left
    const again = await server.next()
    t.notOk(again.query.has('watch'))
    t.notOk(again.query.has('resourceVersion'))
    again.list([thing('b', 20, '2')], '30')
    await becomes('b=2')
    t.match(reflector.health(), { synced: true, corrections: 0, relists: { [reason]: 1 } })
    t.equal((await server.next()).query.get('resourceVersion'), '30')
  })

t.test('it lists again after HTTP 410, and when a list expires between pages', async (t) => {
  const { watch, server, clock, becomes, reflector } = await synced(t)
  clock.advance(300_000)
  watch.end()
  ;(await server.next()).answer(410, status(410, 'too old resource version'))
  await clock.fire('back-off')
  ;(await server.next()).list([thing('b', 20, '2')], '30', 'more')
  ;(await server.next()).answer(410, status(410, 'the continue token is too old'))
  await clock.fire('back-off')
  const restarted = await server.next()
  t.notOk(restarted.query.has('continue'))
  restarted.list([thing('c', 21, '3')], '31')
  await becomes('c=3')
  t.equal(reflector.health().relists.gone, 2)
})

t.test('it lists again when etcd was set back, and looks after a silence whether it was', async (t) => {
  const { server, clock, watch, becomes } = await synced(t)
  t.equal(await clock.fire('silence'), 90_000)
  await watch.left
  await clock.fire('back-off')
  const check = await server.next()
  t.match(Object.fromEntries(check.query), { resourceVersion: '10', resourceVersionMatch: 'Exact' })
  const details = { causes: [{ reason: 'ResourceVersionTooLarge' }] }
  check.answer(504, { ...status(504, 'Too large resource version: 10, current: 5'), details }, { 'retry-after': '1' })
  await clock.fire('back-off')
  ;(await server.next()).list([thing('old', 4, 'restored')], '5')
  await becomes('old=restored')
})

t.test('it checks itself twice an hour against the very state it should be in', async (t) => {
  const { server, clock, watch, calls, becomes, reflector } = await synced(t)
  watch.event('BOOKMARK', { metadata: { resourceVersion: '50' } })
  clock.advance(30 * 60_000)
  watch.end()
  const check = await server.next()
  t.match(Object.fromEntries(check.query), { resourceVersion: '50', resourceVersionMatch: 'Exact' })
  check.list([thing('a', 1, '1')], '50')
  const second = await server.next()
  t.equal(second.query.get('resourceVersion'), '50')
  t.same(calls, ['replace'], 'nothing is told when nothing differs')
  t.equal(reflector.health().corrections, 0)

  second.write('')
  await clock.set('silence')
  clock.advance(40 * 60_000)
  second.end()
  ;(await server.next()).list([thing('missed', 20, 'x')], '50')
  await becomes('missed=x')
  t.match(reflector.health(), { corrections: 2, relists: { correction: 1 } })
  ;(await server.next()).write('')
})

t.test('it lists anew where the check itself is refused', async (t) => {
  const { server, clock, watch } = await synced(t)
  clock.advance(40 * 60_000)
  watch.end()
  ;(await server.next()).answer(400, status(400, 'no such match'))
  await clock.fire('back-off')
  t.notOk((await server.next()).query.has('resourceVersionMatch'))
})

// T34
t.test('it says that it may not look, goes on asking, and recovers', async (t) => {
  const { server, clock, reflector, becomes } = await stage(t)
  for (let i = 0; i < 3; i++) {
    ;(await server.next()).answer(403, status(403, 'things is forbidden: User "x" cannot list'))
    await clock.set('back-off')
    t.match(reflector.health(), { synced: false, error: 'things is forbidden: User "x" cannot list' })
    await clock.fire('back-off')
  }
  ;(await server.next()).list([thing('a', 1, '1')], '10')
  await becomes('a=1')
  const watch = await server.next()
  watch.write('')
  await clock.set('silence')
  t.match(reflector.health(), { synced: true, error: undefined })
  clock.advance(300_000)
  watch.end()
  ;(await server.next()).answer(403, status(403, 'forbidden'))
  await clock.fire('back-off')
  t.equal(reflector.health().synced, false, 'also when it had been allowed before')
  const again = await server.next()
  t.equal(again.query.get('resourceVersion'), '10', 'what it holds is still good')
  again.write('')
  await clock.set('silence')
  t.match(reflector.health(), { synced: true, error: undefined })
})

// T35
t.test('it asks ever less often while the API server fails, and as late as that says', async (t) => {
  const { server, clock } = await stage(t, 4096, 0.999)
  const waits: number[] = []
  for (let i = 0; i < 8; i++) {
    const exchange = await server.next()
    if (i % 2 === 0) exchange.answer(500, 'no Status at all')
    else {
      // A kept connection may have been closed by chance, so that one is tried again at once; a new one is not.
      exchange.reset()
      ;(await server.next()).reset()
    }
    waits.push(Math.round(await clock.fire('back-off')))
  }
  t.same(waits, [500, 999, 1998, 3996, 7992, 15_984, 24_975, 24_975])
  ;(await server.next()).answer(429, status(429, 'slow down'), { 'retry-after': '45' })
  t.equal(await clock.fire('back-off'), 45_000)
  ;(await server.next()).answer(503, status(503, 'gone for the weekend'), { 'retry-after': '200000' })
  t.equal(await clock.fire('back-off'), 120_000, 'but nobody waits for days')
})

t.test(
  'it lists at once when history is gone, however long it had to wait before, but not over and over',
  async (t) => {
    const { server, clock, watch } = await synced(t, 4096, 0.999)
    watch.reset()
    await clock.fire('back-off')
    for (let i = 0; i < 5; i++) {
      ;(await server.next()).answer(500, '')
      await clock.fire('back-off')
    }
    const waits: number[] = []
    for (let i = 0; i < 3; i++) {
      ;(await server.next()).answer(410, status(410, 'too old'))
      waits.push(Math.round(await clock.fire('back-off')))
      ;(await server.next()).list([], '20')
    }
    t.same(waits, [500, 24_975, 24_975])
  },
)

t.test('it counts a vain wait for an answer as waiting', async (t) => {
  const { server, clock } = await stage(t, 4096, 0.999)
  for (let i = 0; i < 7; i++) {
    ;(await server.next()).answer(500, '')
    await clock.fire('back-off')
  }
  await server.next()
  t.equal(await clock.fire('answer'), 15_000)
  t.equal(Math.round(await clock.fire('back-off')), 9975)
})

t.test('it forgets failures after ten seconds of a healthy stream, and not before', async (t) => {
  const { server, clock, watch } = await synced(t, 4096, 0.999)
  let stream = watch
  const waits: number[] = []
  for (const lasted of [2000, 2000, 2000, 10_000, 9999]) {
    clock.advance(lasted)
    stream.reset()
    waits.push(Math.round(await clock.fire('back-off')))
    stream = await server.next()
    t.equal(stream.query.get('resourceVersion'), '10')
    stream.write('')
    await clock.set('silence')
  }
  t.same(waits, [500, 999, 1998, 500, 999])
})

t.test('it waits between streams that the API server ends at once', async (t) => {
  const { server, clock, watch } = await synced(t)
  watch.end()
  await clock.fire('back-off')
  const next = await server.next()
  t.equal(next.query.get('resourceVersion'), '10')
})

// T36
t.test('it survives a sink that throws, and tells it everything again when it can', async (t) => {
  const { it, server, clock, watch, reflector, becomes } = await synced(t)
  it.sinkThrows = true
  watch.event('ADDED', thing('b', 11, '2'))
  watch.event('ADDED', thing('c', 12, '3'))
  await becomes('a=1', 'b=2', 'c=3')
  t.equal(reflector.health().sinkFailures, 2)
  it.sinkThrows = false
  clock.advance(40 * 60_000)
  watch.end()
  const same = [thing('a', 1, '1'), thing('b', 11, '2'), thing('c', 12, '3')]
  ;(await server.next()).list(same, '12')
  ;(await server.next()).write('')
  t.same(it.calls.at(-1), 'replace')
  t.equal(reflector.health().corrections, 0)
})

t.test('it stops in the middle of anything, for good', async (t) => {
  const { server, clock, reflector, sockets } = await stage(t)
  ;(await server.next()).answer(500, '')
  await clock.fire('back-off')
  const waiting = await server.next()
  await reflector.stop()
  await waiting.left
  t.equal(clock.pending(), 0)
  t.equal(sockets(), 0)
  t.equal(server.requests(), 2)
})

t.test('it can be started and stopped a thousand times', async (t) => {
  const server = await startScriptedServer()
  const clock = createManualClock()
  const connection = createConnection(server.credentials, clock, 4)
  for (let i = 0; i < 1000; i++) {
    const reflector = startReflector<object>(
      {
        group: '',
        resource: 'things',
        decode: (_apiVersion, object) => object,
        sink: { replace() {}, upsert() {}, remove() {} },
      },
      { connection, clock, mostLineBytes: 4096 },
    )
    // Stopped before the first request, while it lists, while it waits, and while it watches.
    if (i % 4 > 0) {
      const list = await server.next()
      if (i % 4 === 2) {
        list.answer(500, '')
        await clock.fire('back-off')
        await server.next()
      }
      if (i % 4 === 3) {
        list.list([], '1')
        ;(await server.next()).write('')
      }
    }
    await reflector.stop()
  }
  connection.close()
  t.equal(connection.sockets(), 0)
  t.equal(clock.pending(), 0)
  await server.close()
})
