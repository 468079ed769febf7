import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createCredentials } from '../../src/cluster/credentials.ts'
import { createManualClock } from './manual-clock.ts'

t.test('it reads the ServiceAccount of its Pod, and follows both files', async (t) => {
  const folder = t.testdir({ token: 'first\n', 'ca.crt': 'CA 1' })
  const clock = createManualClock()
  const env = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }
  const credentials = createCredentials({ from: 'pod', folder, env }, clock)
  const first = await credentials.current()
  t.match(first, { server: 'https://10.96.0.1:443', headers: { authorization: 'Bearer first' }, tls: { ca: 'CA 1' } })

  writeFileSync(join(folder, 'token'), 'second')
  t.equal(await credentials.current(), first, 'they are not read for each request')
  clock.advance(10_000)
  const second = await credentials.current()
  t.equal(second.headers['authorization'], 'Bearer second')
  t.equal(second.pool, first.pool, 'another token needs no other connection')

  writeFileSync(join(folder, 'token'), 'third')
  credentials.renew()
  t.equal((await credentials.current()).headers['authorization'], 'Bearer third')

  writeFileSync(join(folder, 'ca.crt'), 'CA 2')
  clock.advance(10_000)
  t.not((await credentials.current()).pool, first.pool)
})

t.test('it survives a time without files, and says where it is not', async (t) => {
  const folder = t.testdir({})
  const clock = createManualClock()
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
  const credentials = createCredentials({ from: 'pod', folder, env }, clock)
  await t.rejects(credentials.current(), /ENOENT/)
  writeFileSync(join(folder, 'token'), 'late')
  writeFileSync(join(folder, 'ca.crt'), 'CA')
  t.equal((await credentials.current()).server, 'https://[fd00::1]:443')
  await t.rejects(createCredentials({ from: 'pod', env: {} }, clock).current(), /not in a Pod.*name a kubeconfig/)
})

const kubeconfig = (token: string, more: object = {}) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'a',
    clusters: [
      { name: 'one', cluster: { server: 'https://one:6443/', 'certificate-authority': 'pki/ca.crt', ...more } },
      {
        name: 'two',
        cluster: { server: 'https://two', 'insecure-skip-tls-verify': true, 'tls-server-name': 'kubernetes' },
      },
    ],
    users: [
      { name: 'token', user: { token } },
      { name: 'basic', user: { username: 'u', password: 'p' } },
    ],
    contexts: [
      { name: 'a', context: { cluster: 'one', user: 'token' } },
      { name: 'b', context: { cluster: 'two', user: 'basic' } },
    ],
  })

t.test('it reads a kubeconfig, its files beside it, and follows both', async (t) => {
  const folder = t.testdir({})
  mkdirSync(join(folder, 'pki'))
  writeFileSync(join(folder, 'pki/ca.crt'), 'CA 1')
  const file = join(folder, 'config')
  writeFileSync(file, kubeconfig('first'))
  const clock = createManualClock()
  const credentials = createCredentials({ from: 'kubeconfig', file }, clock)
  const first = await credentials.current()
  t.match(first, { server: 'https://one:6443', headers: { authorization: 'Bearer first' }, tls: { ca: 'CA 1' } })
  writeFileSync(file, kubeconfig('second'))
  writeFileSync(join(folder, 'pki/ca.crt'), 'CA 2')
  credentials.renew()
  t.match(await credentials.current(), { headers: { authorization: 'Bearer second' }, tls: { ca: 'CA 2' } })

  const other = await createCredentials({ from: 'kubeconfig', file, context: 'b' }, clock).current()
  t.equal(other.server, 'https://two')
  t.strictSame(other.headers, { authorization: `Basic ${Buffer.from('u:p').toString('base64')}` })
  t.strictSame(other.tls, { servername: 'kubernetes', rejectUnauthorized: false })
  await t.rejects(createCredentials({ from: 'kubeconfig', file, context: 'c' }, clock).current(), /no current context/)
  writeFileSync(file, kubeconfig('x', { 'proxy-url': 'http://proxy:3128' }))
  credentials.renew()
  await t.rejects(credentials.current(), /proxy-url is not supported/)
})
