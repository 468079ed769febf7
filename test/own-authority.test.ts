import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { namesOfService, openOwnAuthority, usualLives } from '../src/own-authority.ts'
import { provePair } from '../src/server/certificate-pair.ts'
import { createMetrics } from '../src/server/metrics.ts'

const own = { validating: 'meshgate', mutating: 'a-meshgate', service: 'gate', namespace: 'infra' }
const names = namesOfService(own)

/** A kubeconfig of a server that nobody has to believe. */
function kubeconfig(folder: string, port: number): string {
  const file = join(folder, 'kubeconfig')
  writeFileSync(
    file,
    JSON.stringify({
      'current-context': 'x',
      clusters: [{ name: 'x', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'x', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    }),
  )
  return file
}

t.test('it is good for the names by which a Service is called', async (t) => {
  t.same(names, ['gate.infra.svc', 'gate.infra.svc.cluster.local'])
})

t.test('it serves what nobody trusts until there is something else, and says why', async (t) => {
  const answers = new Map<string, number>()
  const server = createServer((request, response) => {
    answers.set(request.url ?? '', (answers.get(request.url ?? '') ?? 0) + 1)
    response.writeHead(403, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ kind: 'Status', message: `you may not ${request.method}` }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close().closeAllConnections())
  const metrics = createMetrics()
  const authority = await openOwnAuthority({
    credentials: { from: 'kubeconfig', file: kubeconfig(t.testdir(), (server.address() as AddressInfo).port) },
    secret: 'meshgate-tls',
    own,
    names,
    lives: usualLives,
    metrics,
    patienceMs: 60_000,
  })
  t.teardown(() => authority.stop())
  t.same([...answers.keys()].sort(), [
    '/api/v1/namespaces/infra/secrets/meshgate-tls',
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/a-meshgate',
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/meshgate',
  ])
  const pair = await authority.source.read()
  await provePair(pair, names, new Date())
  t.equal((await authority.source.read()).hash, pair.hash, 'the same one each time')
  const why = 'webhook configurations: you may not GET; Secret: you may not GET'
  t.same(authority.unready(), [`self-signed: there is no certificate yet: ${why}`])
  t.same(authority.lines(), [
    'CA: none, 0 in the bundle',
    'self-signed: webhook configurations: you may not GET',
    'self-signed: Secret: you may not GET',
  ])
  const told: string[] = []
  const log = (text: string) => told.push(text)
  authority.follow({ log: { info: log, warn: log }, renewed: async () => undefined })
  t.same(told, ['self-signed: webhook configurations: you may not GET', 'self-signed: Secret: you may not GET'])
  const { text } = await metrics.expose()
  t.match(text, /^meshgate_self_secret_foreign 0$/m)
  t.match(text, /^meshgate_self_secret_writes_total\{result="created"\} 0$/m)
  t.notMatch(text, /^meshgate_self_ca_expiry_timestamp_seconds /m, 'what is not known is not zero')
  const documented = readFileSync(join(import.meta.dirname, '../docs/operations.md'), 'utf8')
  const kept = [...text.matchAll(/^# HELP (meshgate_self_\w+)/gm)].map(([, metric = '']) => metric)
  t.equal(kept.length, 6)
  for (const metric of kept) t.match(documented, new RegExp(`^\\| \`${metric}[{\`]`, 'm'), `${metric} is documented`)
})
