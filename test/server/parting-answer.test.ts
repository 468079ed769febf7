import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import { partingAnswer } from '../../src/server/parting-answer.ts'

const size = 17 * 1024 * 1024
const head = `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${size}\r\n\r\n`

/** The port of a server that reads no body and says good-bye to everybody. */
async function serve(t: Test, limitMs?: number): Promise<number> {
  const server = createServer((request, response) => {
    response.writeHead(503, { connection: 'close', 'content-length': '4' })
    partingAnswer('busy', request, limitMs).pipe(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close().closeAllConnections())
  return (server.address() as AddressInfo).port
}

t.test('it reaches a client that reads only when it has sent all', async (t) => {
  const socket = connect(await serve(t), '127.0.0.1').pause()
  const failed = once(socket, 'error').then(([error]) => Promise.reject(error as Error))
  socket.write(head)
  const sent = new Promise<void>((resolve) => socket.write(Buffer.alloc(size), () => resolve()))
  await Promise.race([sent, failed])
  let text = ''
  socket.on('data', (chunk) => (text += String(chunk)))
  socket.resume()
  await Promise.race([once(socket, 'end'), failed])
  t.match(text, /^HTTP\/1\.1 503 [^]*\r\n\r\nbusy$/)
})

t.test('it goes out at once, and the connection ends for a client that sends no more', async (t) => {
  const socket = connect(await serve(t, 50), '127.0.0.1')
  socket.write(head)
  t.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 503 /)
  socket.resume()
  await once(socket, 'end')
})
