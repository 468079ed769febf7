import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createDryRun } from '../../src/cluster/dry-run.ts'
import { createManualClock } from './manual-clock.ts'
import { startScriptedServer, status } from './scripted-server.ts'

const path = '/api/v1/namespaces/guard/configmaps'
const object = { kind: 'ConfigMap', metadata: { name: 'ü' } }

async function scripted() {
  const server = await startScriptedServer()
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-dry-run-'))
  const file = join(folder, 'kubeconfig')
  const authenticate = (token: string) =>
    writeFileSync(
      file,
      JSON.stringify({
        'current-context': 'x',
        clusters: [{ name: 'x', cluster: { server: server.url, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'x', user: { token } }],
        contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
      }),
    )
  authenticate('first')
  const { create } = createDryRun({ from: 'kubeconfig', file }, createManualClock())
  const close = async () => {
    await server.close()
    rmSync(folder, { recursive: true })
  }
  return { server, create, authenticate, close }
}

t.test('it tries, and reads warnings and refusals', async (t) => {
  const { server, create, close } = await scripted()
  t.teardown(close)
  const tried = create(path, object)
  const exchange = await server.next()
  t.equal(exchange.path, path)
  t.equal(exchange.query.get('dryRun'), 'All')
  t.match(exchange.headers, { authorization: 'Bearer first', 'content-type': 'application/json' })
  exchange.answer(201, {}, { warning: '299 - "first, with \\"quotes\\"", 299 - "second"' })
  t.same(await tried, { status: 201, warnings: ['first, with "quotes"', 'second'], message: '' })

  const refused = create(path, object)
  ;(await server.next()).answer(500, status(500, 'failed calling webhook'))
  t.same(await refused, { status: 500, warnings: [], message: 'failed calling webhook' })

  const odd = create(path, object)
  ;(await server.next()).answer(502, '<html>')
  t.same(await odd, { status: 502, warnings: [], message: '' })
})

t.test('it opens a connection each time, and reads its credentials again after a refusal', async (t) => {
  const { server, create, authenticate, close } = await scripted()
  t.teardown(close)
  const refused = create(path, object)
  const first = await server.next()
  authenticate('second')
  first.answer(401, status(401, 'Unauthorized'))
  t.match(await refused, { status: 401 })
  await first.left
  const tried = create(path, object)
  const second = await server.next()
  t.equal(second.headers['authorization'], 'Bearer second')
  t.equal(second.headers['connection'], 'close')
  second.answer(201, {})
  await tried
})

t.test('it says when there is no answer', async (t) => {
  const { server, create, close } = await scripted()
  const cut = create(path, object).catch((error: unknown) => error)
  ;(await server.next()).reset()
  t.match(await cut, { reason: 'unreachable' })
  await close()
  t.match(await create(path, object).catch((error: unknown) => error), { reason: 'unreachable' })
})
