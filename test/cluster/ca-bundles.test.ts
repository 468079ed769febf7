import t from 'tap'
import { createCaBundles } from '../../src/cluster/ca-bundles.ts'
import { createConnection } from '../../src/cluster/connection.ts'
import { createManualClock } from './manual-clock.ts'
import { startScriptedServer, status } from './scripted-server.ts'

const { signal } = new AbortController()
const group = '/apis/admissionregistration.k8s.io/v1'
const base64 = (text: string) => Buffer.from(text).toString('base64')

const entry = (caBundle?: string) => ({
  name: 'x.meshgate.dev',
  clientConfig: {
    service: { name: 'meshgate', namespace: 'meshgate' },
    ...(caBundle === undefined ? {} : { caBundle }),
  },
})
const configuration = (resourceVersion: string, webhooks?: object[]) => ({
  metadata: { name: 'meshgate', resourceVersion },
  ...(webhooks ? { webhooks } : {}),
})

async function open() {
  const server = await startScriptedServer()
  const connection = createConnection(server.credentials, createManualClock(), 2)
  const bundles = createCaBundles(connection, { validating: 'meshgate', mutating: 'a-meshgate' })
  const close = async () => {
    connection.close()
    await server.close()
  }
  return { server, bundles, close }
}

t.test('it reads the caBundle of every entry of those configurations that are there', async (t) => {
  const { server, bundles, close } = await open()
  const read = bundles.read(signal)
  const asked = [await server.next(), await server.next()]
  for (const one of asked)
    if (one.path === `${group}/validatingwebhookconfigurations/meshgate`)
      one.answer(200, configuration('3', [entry(base64('pem')), entry(), entry('')]))
    else one.answer(404, status(404, 'not found'))
  t.same(asked.map(({ path }) => path).sort(), [
    `${group}/mutatingwebhookconfigurations/a-meshgate`,
    `${group}/validatingwebhookconfigurations/meshgate`,
  ])
  t.same(await read, [
    { name: 'ValidatingWebhookConfiguration meshgate', caBundles: ['pem', '', ''], resourceVersion: '3' },
  ])
  const failing = bundles.read(signal).catch((error: unknown) => error)
  ;(await server.next()).answer(200, configuration('3'))
  ;(await server.next()).answer(403, status(403, 'you may not'))
  t.match(await failing, { reason: 'forbidden' }, 'one that may not be read is not one that is not there')
  await close()
})

t.test('it writes the caBundle of every entry, and nothing else, if nothing has changed', async (t) => {
  const { server, bundles, close } = await open()
  const name = 'MutatingWebhookConfiguration a-meshgate'
  const before = { name, caBundles: ['old', ''], resourceVersion: '3' }
  const trusted = bundles.trust(before, 'pem', signal)
  const asked = await server.next()
  t.same([asked.method, asked.path], ['PATCH', `${group}/mutatingwebhookconfigurations/a-meshgate`])
  t.equal(asked.query.get('fieldManager'), 'meshgate-self-signed')
  t.equal(asked.headers['content-type'], 'application/json-patch+json')
  t.same(JSON.parse(await asked.body), [
    { op: 'test', path: '/metadata/resourceVersion', value: '3' },
    { op: 'add', path: '/webhooks/0/clientConfig/caBundle', value: base64('pem') },
    { op: 'add', path: '/webhooks/1/clientConfig/caBundle', value: base64('pem') },
  ])
  asked.answer(200, configuration('4'))
  t.equal(await trusted, true)

  const changed = bundles.trust(before, 'pem', signal)
  ;(await server.next()).answer(422, status(422, 'the server rejected our request due to an error in our request'))
  ;(await server.next()).answer(200, configuration('4'))
  t.equal(await changed, false, 'the version is another one')
  const refused = bundles.trust(before, 'pem', signal).catch((error: unknown) => error)
  ;(await server.next()).answer(422, status(422, 'webhooks[0].name: Invalid value'))
  ;(await server.next()).answer(200, configuration('3'))
  t.match(await refused, { reason: 'refused', message: /Invalid value/ }, 'the version is the same')
  const gone = bundles.trust(before, 'pem', signal)
  ;(await server.next()).answer(404, status(404, 'not found'))
  t.equal(await gone, false)
  await close()
})
