import t from 'tap'
import { createConnection } from '../../src/cluster/connection.ts'
import { createOwnSecret } from '../../src/cluster/own-secret.ts'
import { createManualClock } from './manual-clock.ts'
import { startScriptedServer, status } from './scripted-server.ts'

const { signal } = new AbortController()
const path = '/api/v1/namespaces/meshgate/secrets/meshgate-tls'
const base64 = (text: string) => Buffer.from(text).toString('base64')

const stored = {
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'Opaque',
  metadata: {
    name: 'meshgate-tls',
    namespace: 'meshgate',
    uid: 'u',
    resourceVersion: '7',
    labels: { team: 'a', ours: 'old' },
    annotations: { 'their/note': 'x', 'our/mark': 'old', 'our/other': 'old' },
  },
  data: { 'tls.crt': base64('cert'), 'ca.key': base64('gone'), 'their.txt': base64('theirs') },
}

async function open() {
  const server = await startScriptedServer()
  const connection = createConnection(server.credentials, createManualClock(), 2)
  const secret = createOwnSecret(
    connection,
    { namespace: 'meshgate', name: 'meshgate-tls' },
    { keys: ['tls.crt', 'ca.key'], annotations: ['our/mark', 'our/other'] },
  )
  const close = async () => {
    connection.close()
    await server.close()
  }
  return { server, secret, close }
}

t.test('it reads a Secret, or that there is none', async (t) => {
  const { server, secret, close } = await open()
  const read = secret.read(signal)
  const asked = await server.next()
  t.same([asked.method, asked.path], ['GET', path])
  asked.answer(200, stored)
  t.match(await read, {
    labels: { team: 'a' },
    annotations: { 'our/mark': 'old' },
    data: { 'tls.crt': 'cert', 'their.txt': 'theirs' },
  })
  const absent = secret.read(signal)
  ;(await server.next()).answer(404, status(404, 'not found'))
  t.equal(await absent, undefined)
  const forbidden = secret.read(signal).catch((error: unknown) => error)
  ;(await server.next()).answer(403, status(403, 'you may not'))
  t.match(await forbidden, { reason: 'forbidden', message: 'you may not' })
  const odd = secret.read(signal).catch((error: unknown) => error)
  ;(await server.next()).answer(200, { kind: 'Status' })
  t.match(await odd, { reason: 'corrupt' })
  await close()
})

t.test('it changes the state that was read, and of it only what is ours', async (t) => {
  const { server, secret, close } = await open()
  const read = secret.read(signal)
  ;(await server.next()).answer(200, stored)
  const before = await read
  const wish = { labels: { ours: 'yes' }, annotations: { 'our/mark': 'new' }, data: { 'tls.crt': 'another' } }
  const written = secret.write(before, wish, signal)
  const asked = await server.next()
  t.same([asked.method, asked.path], ['PUT', path])
  t.same(JSON.parse(await asked.body), {
    ...stored,
    metadata: {
      ...stored.metadata,
      labels: { team: 'a', ours: 'yes' },
      annotations: { 'their/note': 'x', 'our/mark': 'new' },
    },
    data: { 'tls.crt': base64('another'), 'their.txt': base64('theirs') },
  })
  asked.answer(200, stored)
  t.equal(await written, true)
  for (const code of [409, 404]) {
    const late = secret.write(before, wish, signal)
    ;(await server.next()).answer(code, status(code, 'no'))
    t.equal(await late, false, `${code}: somebody was faster`)
  }
  const refused = secret.write(before, wish, signal).catch((error: unknown) => error)
  ;(await server.next()).answer(422, status(422, 'it is immutable'))
  t.match(await refused, { reason: 'refused', message: 'it is immutable' })
  await close()
})

t.test('it creates the Secret, unless somebody else just did', async (t) => {
  const { server, secret, close } = await open()
  const wish = { labels: { ours: 'yes' }, annotations: {}, data: { 'tls.crt': 'cert' } }
  const created = secret.write(undefined, wish, signal)
  const asked = await server.next()
  t.same([asked.method, asked.path], ['POST', '/api/v1/namespaces/meshgate/secrets'])
  t.same(JSON.parse(await asked.body), {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name: 'meshgate-tls', namespace: 'meshgate', labels: { ours: 'yes' }, annotations: {} },
    data: { 'tls.crt': base64('cert') },
  })
  asked.answer(201, stored)
  t.equal(await created, true)
  const late = secret.write(undefined, wish, signal)
  ;(await server.next()).answer(409, status(409, 'already exists'))
  t.equal(await late, false)
  const nowhere = secret.write(undefined, wish, signal).catch((error: unknown) => error)
  ;(await server.next()).answer(404, status(404, 'namespaces "meshgate" not found'))
  t.match(await nowhere, { reason: 'absent' }, 'without a namespace nobody was faster')
  await close()
})
