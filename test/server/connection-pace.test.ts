import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket, type TcpNetConnectOpts } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import t from 'tap'
import { defaultConfig } from '../../src/config/config.ts'
import { snapshotOf } from '../../src/core/snapshot.ts'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'
import { buildApp } from '../../src/server/app.ts'
import { createPace, type Pace, paceConnections } from '../../src/server/connection-pace.ts'
import { createMetrics } from '../../src/server/metrics.ts'
import { tlsOptions } from '../../src/server/tls.ts'
import { policyFor, reviewOf } from '../admission/reviews.ts'
import { until } from './until.ts'

/** How many connections a source can open now. */
function takeAll(pace: Pace, source: string): number {
  let count = 0
  while (pace.take(source)) count++
  return count
}

t.test('it lets a source open some connections at once, and then so many a second', async (t) => {
  let now = 0
  const pace = createPace(() => now)
  t.equal(takeAll(pace, 'a'), 100)
  t.equal(takeAll(pace, 'b'), 100, 'another one as well')
  now += 1
  t.equal(takeAll(pace, 'a'), 20)
  now += 60
  t.equal(takeAll(pace, 'a'), 100, 'and not more for having waited')
})

t.test('it lets a source open a connection for each review that is answered', async (t) => {
  const pace = createPace(() => 0)
  // However an API server connects: a review at a time on each new connection, in bursts that double.
  let open = 0
  for (const burst of [1, 50, 100, 200, 400, 800, 800, 100, 800]) {
    for (let i = 0; i < burst; i++) if (pace.take('api-server')) open++
    for (; open > 0; open--) pace.earn('api-server')
  }
  t.ok(takeAll(pace, 'api-server') >= 100, 'it always has some left')
  for (let i = 0; i < 5000; i++) pace.earn('api-server')
  t.equal(takeAll(pace, 'api-server'), 1000, 'and cannot save them up without end')
})

t.test('it forgets sources rather than to remember ever more of them', async (t) => {
  const pace = createPace(() => 0)
  takeAll(pace, 'a')
  for (let i = 0; i < 4096; i++) pace.take(`source ${i}`)
  t.equal(takeAll(pace, 'a'), 100)
})

/** A pace that is set by hand. */
function byHand(): { pace: Pace; give: (source: string, count: number) => void } {
  const left = new Map<string, number>()
  const give = (source: string, count: number) => left.set(source, (left.get(source) ?? 0) + count)
  return {
    give,
    pace: {
      take(source) {
        const count = left.get(source) ?? 0
        if (count > 0) left.set(source, count - 1)
        return count > 0
      },
      earn: (source) => give(source, 1),
    },
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

t.test('it has connections wait, and serves every one of them', async (t) => {
  const { pace, give } = byHand()
  let waited = 0
  const server = createServer((_, response) => response.end('served'))
  paceConnections(server, pace, () => waited++)
  const port = await listen(server)
  t.teardown(() => server.close())
  const served: string[] = []
  const get = (localAddress: string) =>
    new Promise<void>((resolve, reject) => {
      const outgoing = request({ port, host: '127.0.0.1', localAddress, agent: false }, (response) => {
        response.resume()
        response.on('end', () => resolve(void served.push(localAddress)))
      })
      outgoing.on('error', reject)
      outgoing.end()
    })
  give('127.0.0.1', 1)
  give('127.0.0.2', 1)
  const first = get('127.0.0.1')
  await first
  const more = [get('127.0.0.1'), get('127.0.0.1')]
  await until(async () => waited === 2)
  await get('127.0.0.2')
  t.same(served, ['127.0.0.1', '127.0.0.2'], 'another source does not wait for it')
  give('127.0.0.1', 1)
  await Promise.race(more)
  t.equal(served.length, 3)
  give('127.0.0.1', 1)
  await Promise.all(more)
  t.equal(served.length, 4)
})

t.test('it does nothing for one that has left meanwhile', async (t) => {
  const { pace, give } = byHand()
  const sockets: Socket[] = []
  const server = createServer((_, response) => response.end('served'))
  let accepted = 0
  server.on('connection', () => accepted++)
  paceConnections(server, pace)
  server.prependListener('connection', (socket) => sockets.push(socket))
  const port = await listen(server)
  t.teardown(() => server.close())
  const client = connect({ port, host: '127.0.0.1' })
  await until(async () => sockets.length === 1)
  sockets[0]?.destroy()
  client.destroy()
  give('127.0.0.1', 5)
  const next = connect({ port, host: '127.0.0.1' })
  await until(async () => accepted === 1)
  t.equal(sockets.length, 2)
  next.destroy()
})

t.test('it has who only shakes hands wait, and nobody else', async (t) => {
  let now = 0
  const pair = makeSelfSigned(['127.0.0.1'], new Date())
  const court = { rules: [], snapshot: snapshotOf([], 'nothing'), config: defaultConfig }
  const metrics = createMetrics()
  const { server } = buildApp({ court, metrics, clock: () => now, tls: tlsOptions(pair) })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.server.address() as AddressInfo
  const sockets: TLSSocket[] = []
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await server.close()
  })
  let shaken = 0
  const shakeHands = (localAddress: string) => {
    const options: ConnectionOptions & TcpNetConnectOpts = {
      port,
      host: '127.0.0.1',
      localAddress,
      ca: pair.ca,
      ALPNProtocols: ['http/1.1'],
    }
    const socket = connectTls(options)
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('secureConnect', () => shaken++)
    return socket
  }
  const isDelayed = async (count: number) =>
    (await metrics.expose()).text.includes(`\nmeshgate_connections_delayed_total ${count}\n`)
  for (let i = 0; i < 130; i++) shakeHands('127.0.0.2')
  await until(async () => shaken === 100 && (await isDelayed(30)))

  const body = JSON.stringify(reviewOf(policyFor([8080])))
  const post = async () => {
    const socket = shakeHands('127.0.0.1')
    socket.write(
      `POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    const [data] = (await once(socket, 'data')) as [Buffer]
    socket.destroy()
    return data.toString().startsWith('HTTP/1.1 200')
  }
  // More than it has without earning any.
  for (let i = 0; i < 120; i++) if (!(await post())) t.fail('not answered')
  t.equal(shaken, 220)
  t.ok(await isDelayed(30), 'who asks reviews does not wait')
  now += 1
  await until(async () => shaken === 240)
  now += 1
  await until(async () => shaken === 250)
})
