import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import t from 'tap'
import { handleClientError } from '../../src/server/client-errors.ts'
import { makeCertificate } from './make-certificate.ts'

const { cert, key } = makeCertificate({ names: ['meshgate.shop.svc'] })
const whole = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'

t.test('it keeps a connection that was opened ahead, and no other one that is over time', async (t) => {
  const looks: (() => void)[] = []
  const server = createServer(
    { cert, key, headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 50 },
    (_, response) => response.end('answered'),
  )
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    handleClientError(error, socket as TLSSocket)
    for (const tell of looks.splice(0)) tell()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.teardown(() => server.close().closeAllConnections())
  const open = async () => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    socket.on('error', () => {})
    await once(socket, 'secureConnect')
    return socket
  }
  const answerOn = async (socket: TLSSocket) => String((await once(socket, 'data'))[0]).split('\r\n')[0]

  const unused = await open()
  await new Promise<void>((resolve) => looks.push(resolve))
  unused.write(whole)
  t.equal(await answerOn(unused), 'HTTP/1.1 200 OK', 'it was over time, and is as good as new')

  const half = await open()
  half.write(whole.slice(0, 10))
  t.equal(await answerOn(half), 'HTTP/1.1 408 Request Timeout')
  await once(half, 'close')

  const late = await open()
  await new Promise<void>((resolve) => looks.push(resolve))
  late.write(whole.slice(0, 10))
  t.equal(await answerOn(late), 'HTTP/1.1 408 Request Timeout', 'time runs from the first byte on')
  await once(late, 'close')

  const wrong = await open()
  wrong.write('no HTTP at all\r\n\r\n')
  t.equal(await answerOn(wrong), 'HTTP/1.1 400 Bad Request')
  await once(wrong, 'close')

  const long = await open()
  long.write(`GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)
  t.equal(await answerOn(long), 'HTTP/1.1 431 Request Header Fields Too Large')
})
