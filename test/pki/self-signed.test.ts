import { X509Certificate } from 'node:crypto'
import { connect, createServer, type TLSSocket } from 'node:tls'
import t from 'tap'
import { makeSelfSigned, makeSerial } from '../../src/pki/self-signed.ts'
import { provePair } from '../../src/server/certificate-pair.ts'

const now = new Date()
const names = ['meshgate.shop.svc', 'localhost', '127.0.0.1']
const made = makeSelfSigned(names, now)

t.test('it makes a pair that may be served under every name', async (t) => {
  const leaf = await provePair(made, names, now)
  t.equal(leaf.ca, false)
  t.ok(leaf.validFromDate < now, 'clocks differ')
  t.equal(Math.round((leaf.validToDate.getTime() - now.getTime()) / 86_400_000), 365)
})

t.test('it makes a CA that signs the leaf and nothing else of it', async (t) => {
  const [leaf, ca] = [new X509Certificate(made.cert), new X509Certificate(made.ca)]
  t.equal(ca.ca, true)
  t.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
  t.not(leaf.publicKey.export({ type: 'spki', format: 'pem' }), ca.publicKey.export({ type: 'spki', format: 'pem' }))
  t.notOk(new X509Certificate(makeSelfSigned(['x'], now).cert).verify(ca.publicKey), 'the next one has a CA of its own')
})

t.test('it convinces a client that trusts the CA', async (t) => {
  const server = createServer({ cert: made.cert, key: made.key }, (socket) => socket.end()).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  for (const servername of ['meshgate.shop.svc', 'localhost']) {
    const authorized = await new Promise((resolve, reject) => {
      const socket: TLSSocket = connect({ host: '127.0.0.1', port, ca: made.ca, servername }, () => {
        resolve(socket.authorized)
        socket.destroy()
      })
      socket.on('error', reject)
    })
    t.equal(authorized, true, servername)
  }
})

t.test('it makes serials that Go accepts: positive, at most 20 bytes, all different', async (t) => {
  const serials = Array.from({ length: 10_000 }, makeSerial)
  t.equal(new Set(serials).size, serials.length)
  t.ok(serials.every((serial) => /^[4-7][0-9a-f]{31}$/.test(serial)))
  t.equal(new X509Certificate(made.cert).serialNumber.length, 32)
})
