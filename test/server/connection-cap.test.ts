import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import { capConnections } from '../../src/server/connection-cap.ts'
import { until } from './until.ts'

t.test('it cuts off what is too much from one address, and serves another', async (t) => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => socket.on('error', () => {}))
  capConnections(server, 3)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  /** Whether the connection is still there once the server has seen it. */
  const isKept = async (localAddress: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    sockets.add(socket)
    socket.on('error', () => {})
    const cut = once(socket, 'close').then(() => 'cut')
    const connections = () => new Promise<number>((resolve) => void server.getConnections((_, count) => resolve(count)))
    const before = await connections()
    await once(socket, 'connect')
    return (await Promise.race([cut, until(async () => (await connections()) > before).then(() => 'kept')])) === 'kept'
  }
  const first = []
  for (let i = 0; i < 3; i++) first.push(await isKept('127.0.0.1'))
  t.same(first, [true, true, true])
  t.notOk(await isKept('127.0.0.1'))
  t.ok(await isKept('127.0.0.2'))
  const [one] = sockets
  one?.destroy()
  await until(() => new Promise((resolve) => void server.getConnections((_, count) => resolve(count === 3))))
  t.ok(await isKept('127.0.0.1'), 'there is room again')
})
