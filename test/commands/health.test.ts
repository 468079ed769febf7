import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { health } from '../../src/commands/health.ts'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'
import { worldIn } from './world.ts'

const answers: RequestListener = (request, response) => {
  response.statusCode = request.url === '/livez' ? 200 : 503
  response.end(`asked for ${request.url}\n`)
}

async function listening(t: Test, server: ReturnType<typeof createServer>): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

t.test('it says yes where the webhook is alive, whoever signed its certificate', async (t) => {
  const { cert, key } = makeSelfSigned(['elsewhere.example'], new Date())
  const secure = await listening(t, createSecureServer({ cert, key }, answers))
  const plain = await listening(t, createServer(answers))
  for (const url of [`https://127.0.0.1:${secure}/livez`, `http://127.0.0.1:${plain}/livez`]) {
    const { world, said } = worldIn('/')
    t.equal(await health([url], world), 0)
    t.same(said, { stdout: 'asked for /livez\n', stderr: '' })
  }
})

t.test('it says no, and repeats the reason, where the webhook does', async (t) => {
  const port = await listening(t, createServer(answers))
  const { world, said } = worldIn('/')
  t.equal(await health([`http://127.0.0.1:${port}/readyz?verbose`], world), 1)
  t.equal(said.stdout, 'asked for /readyz?verbose\n')
})

t.test('it says no where nobody listens', async (t) => {
  const server = createServer(answers)
  const port = await listening(t, server)
  await new Promise((resolve) => server.close(resolve))
  const { world, said } = worldIn('/')
  t.equal(await health([`https://127.0.0.1:${port}/livez`], world), 1)
  t.match(said.stderr, /ECONNREFUSED/)
})

t.test('it says what to type instead', async (t) => {
  for (const args of [['127.0.0.1:8443'], ['file:///livez'], ['http://a', 'http://b']])
    await t.rejects(health(args, worldIn('/').world), { name: 'UsageError' })
  const { world, said } = worldIn('/')
  t.equal(await health(['--help'], world), 0)
  t.match(said.stdout, 'https://127.0.0.1:8443/livez')
})
