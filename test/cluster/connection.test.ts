import t from 'tap'
import { createConnection } from '../../src/cluster/connection.ts'
import type { Access } from '../../src/cluster/credentials.ts'
import { createManualClock } from './manual-clock.ts'
import { startScriptedServer, status } from './scripted-server.ts'

const signal = new AbortController().signal

t.test('it reads credentials again after a 401, and tries once more', async (t) => {
  const server = await startScriptedServer()
  const tokens = ['old', 'new', 'newer']
  const access = (): Access => ({
    server: server.url,
    headers: { authorization: `Bearer ${tokens[0]}` },
    tls: {},
    pool: 'one',
  })
  const renew = () => void tokens.shift()
  const connection = createConnection({ current: async () => access(), renew }, createManualClock(), 4)
  const asked = connection.get('/x', signal)
  const first = await server.next()
  t.equal(first.headers['authorization'], 'Bearer old')
  first.answer(401, status(401, 'Unauthorized'))
  const second = await server.next()
  t.equal(second.headers['authorization'], 'Bearer new')
  second.answer(200, { ok: true })
  t.same(await asked, { ok: true })

  const refused = connection.get('/x', signal).catch((error: unknown) => error)
  ;(await server.next()).answer(401, status(401, 'Unauthorized'))
  ;(await server.next()).answer(401, status(401, 'Unauthorized'))
  t.match(await refused, { reason: 'unauthorized', message: 'Unauthorized' })
  t.equal(server.requests(), 4)
  connection.close()
  await server.close()
})

t.test('it keeps one connection, and leaves it when the CA is another', async (t) => {
  const server = await startScriptedServer()
  let pool = 'first CA'
  const credentials = { current: async () => ({ server: server.url, headers: {}, tls: {}, pool }), renew() {} }
  const clock = createManualClock()
  const connection = createConnection(credentials, clock, 4)
  for (let i = 0; i < 3; i++) {
    const asked = connection.get('/x', signal)
    ;(await server.next()).answer(200, {})
    await asked
  }
  t.equal(connection.sockets(), 1)

  const streamed = connection.stream('/stream', signal, 1000)
  const stream = await server.next()
  stream.write('a')
  const pieces = (await streamed)[Symbol.asyncIterator]()
  t.equal(String((await pieces.next()).value), 'a')
  pool = 'second CA'
  const asked = connection.get('/x', signal)
  ;(await server.next()).answer(200, {})
  await asked
  t.equal(connection.sockets(), 2, 'what runs goes on')
  stream.write('b')
  t.equal(String((await pieces.next()).value), 'b')
  stream.end()
  t.equal((await pieces.next()).done, true)
  await stream.left
  t.equal(connection.sockets(), 1)
  t.equal(clock.pending(), 0)
  connection.close()
  await server.close()
})

t.test('it gives up on an answer that does not come, does not end, or takes for ever', async (t) => {
  const server = await startScriptedServer()
  const clock = createManualClock()
  const connection = createConnection(server.credentials, clock, 4)
  const asked = () => connection.get('/x?limit=500', signal).catch((error: unknown) => error)

  const unanswered = asked()
  await server.next()
  t.equal(await clock.fire('answer'), 15_000)
  t.match(await unanswered, { reason: 'silent', message: 'the API server does not answer /x' })

  const halved = asked()
  ;(await server.next()).write('{')
  // The first is of the head, and gone once that has come; then one for silence and one for the whole.
  while (clock.pending() !== 2) await new Promise((resolve) => setImmediate(resolve))
  t.equal(await clock.fire('answer'), 15_000)
  t.match(await halved, { reason: 'silent', message: 'the API server fell silent in the middle of /x' })

  const garbled = asked()
  ;(await server.next()).answer(200, '<html>')
  t.match(await garbled, { reason: 'corrupt' })

  const error = asked()
  ;(await server.next()).answer(502, `<html>${'x'.repeat(200_000)}`)
  t.match(await error, { reason: 'busy', message: 'HTTP 502' })
  t.equal(clock.pending(), 0)
  connection.close()
  await server.close()
  t.match(await asked(), { reason: 'unreachable' })
  connection.close()
})

t.test('it ends at once when it is told to', async (t) => {
  const server = await startScriptedServer()
  const clock = createManualClock()
  const connection = createConnection(server.credentials, clock, 3)
  const stopping = new AbortController()
  const failed = [1, 2, 3].map(() => connection.get('/x', stopping.signal).catch(() => 'ended'))
  const exchanges = [await server.next(), await server.next(), await server.next()]
  stopping.abort()
  t.same(await Promise.all(failed), ['ended', 'ended', 'ended'])
  await Promise.all(exchanges.map((exchange) => exchange.left))
  t.equal(connection.sockets(), 0)
  t.equal(clock.pending(), 0)
  await server.close()
})
