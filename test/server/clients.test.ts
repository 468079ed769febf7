import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { get as plainGet } from 'node:http'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { defaultConfig } from '../../src/config/config.ts'
import { startWebhook, type Webhook } from '../../src/main.ts'
import { pairInFiles } from '../../src/server/certificate-files.ts'
import { policyFor, reviewOf } from '../admission/reviews.ts'
import { type Made, makeCertificate, usages } from './make-certificate.ts'
import { makeVolume } from './volume.ts'

const name = 'meshgate.shop.svc'
const ca = makeCertificate({ commonName: 'serving CA' })
const leaf = () => makeCertificate({ names: [name], issuer: ca })
const clientCa = makeCertificate({ commonName: 'client CA' })
const client = (commonName: string, issuer = clientCa, more = {}): Made =>
  makeCertificate({ commonName, issuer, usages: [usages.client], ...more })

const body = JSON.stringify(reviewOf(policyFor([8080])))

/** The status of a review that was posted, or the error's code. */
function post(webhook: Webhook, pair: Made | undefined, agent = new Agent({ keepAlive: false })): Promise<unknown> {
  return new Promise((resolve) => {
    const options = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ca: ca.cert,
      servername: name,
      agent,
    }
    const outgoing = request(`${webhook.url}/validate`, {
      ...options,
      ...(pair ? { cert: pair.cert, key: pair.key } : {}),
    })
    outgoing.on('response', (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    outgoing.end(body)
  })
}

const health = (webhook: Webhook, path: string) =>
  new Promise<string>((resolve, reject) => {
    plainGet(`${webhook.healthUrl}${path}`, (response) => void text(response).then(resolve, reject)).on('error', reject)
  })

async function start(t: Test, names: readonly string[]) {
  const volume = makeVolume(leaf())
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-clients-'))
  const caFile = join(folder, 'ca.crt')
  writeFileSync(caFile, clientCa.cert)
  const log: string[] = []
  const webhook = await startWebhook({
    host: '127.0.0.1',
    port: 0,
    healthPort: 0,
    source: pairInFiles(volume),
    names: [name],
    clients: { caFile, names },
    snapshot: [],
    config: defaultConfig,
    log: { write: (line) => log.push(line) },
  })
  t.teardown(async () => {
    await webhook.stop(0)
    volume.remove()
    rmSync(folder, { recursive: true })
  })
  return { webhook, volume, log, trust: (pem: string) => writeFileSync(caFile, pem) }
}

const refused = /^(?:ECONNRESET|EPIPE|ERR_SSL_\w*)$/

t.test('it lets in only the client it was told to, also after it was given a new certificate', async (t) => {
  const { webhook, volume } = await start(t, ['kube-apiserver', 'api.example.dev'])
  const stranger = makeCertificate({ commonName: 'stranger CA' })
  for (const round of ['at first', 'after a new serving certificate']) {
    t.equal(await post(webhook, client('kube-apiserver')), 200, round)
    t.equal(
      await post(webhook, client('x', clientCa, { names: ['api.example.dev'] })),
      200,
      `${round}: by its DNS name`,
    )
    t.equal(await post(webhook, client('somebody')), 403, `${round}: another name`)
    t.match(await post(webhook, undefined), refused, `${round}: no certificate`)
    t.match(await post(webhook, client('kube-apiserver', stranger)), refused, `${round}: another CA`)
    t.match(await post(webhook, makeCertificate({ commonName: 'kube-apiserver' })), refused, `${round}: its own CA`)
    const past = new Date(Date.now() - 1000)
    t.match(await post(webhook, client('kube-apiserver', clientCa, { notAfter: past })), refused, `${round}: expired`)
    t.match(
      await post(webhook, client('kube-apiserver', clientCa, { usages: [usages.server] })),
      refused,
      `${round}: a server's`,
    )
    volume.write(leaf())
    await webhook.reload()
  }
  t.match(await health(webhook, '/metrics'), /^meshgate_requests_rejected_total\{reason="client-name"\} 2$/m)
})

t.test('it lets in any client of the CA where no names are given', async (t) => {
  const { webhook } = await start(t, [])
  t.equal(await post(webhook, client('anybody')), 200)
  t.match(await post(webhook, undefined), refused)
})

t.test('it follows the file of authorities, and keeps them while it is of no use', async (t) => {
  const { webhook, log, trust } = await start(t, ['kube-apiserver'])
  const nextCa = makeCertificate({ commonName: 'next client CA' })
  const [before, after] = [client('kube-apiserver'), client('kube-apiserver', nextCa)]
  const kept = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => kept.destroy())
  t.equal(await post(webhook, before, kept), 200)
  for (const useless of ['', 'garbage', clientCa.cert.slice(0, 300)]) {
    trust(useless)
    await webhook.reload()
    t.equal(await post(webhook, before), 200)
    t.match(await post(webhook, after), refused)
  }
  trust(clientCa.cert + nextCa.cert)
  await webhook.reload()
  t.same([await post(webhook, before), await post(webhook, after)], [200, 200])
  trust(nextCa.cert)
  await webhook.reload()
  t.match(await post(webhook, before), refused)
  t.equal(await post(webhook, after), 200)
  t.equal(await post(webhook, before, kept), 200, 'a connection that is open has one more answer')
  t.match(await post(webhook, before, kept), refused, 'and must open another one then')
  const metrics = await health(webhook, '/metrics')
  t.match(metrics, /^meshgate_client_ca_reloads_total\{result="swapped"\} 2$/m)
  t.match(metrics, /^meshgate_client_ca_reloads_total\{result="no-certificate"\} 3$/m)
  t.equal(log.filter((line) => line.includes("other authorities of clients' certificates")).length, 2)
})

t.test('it does not start with authorities that it cannot read', async (t) => {
  const usual = { host: '127.0.0.1', port: 0, names: [name], snapshot: [], config: defaultConfig }
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-clients-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const caFile = join(folder, 'ca.crt')
  await t.rejects(startWebhook({ ...usual, clients: { caFile, names: [] } }), { code: 'ENOENT' })
  writeFileSync(caFile, 'no certificate')
  await t.rejects(startWebhook({ ...usual, clients: { caFile, names: [] } }), /ca\.crt: it holds no block/)
})

t.test('it tells of its health by plain HTTP, and of nothing else, until it stops', async (t) => {
  const { webhook } = await start(t, ['kube-apiserver'])
  t.equal(await health(webhook, '/livez'), 'ok\n')
  t.equal(await health(webhook, '/readyz'), 'ok\n')
  t.match(await health(webhook, '/readyz?verbose'), /^snapshot: nothing\nrules: \d+\nok\n$/)
  t.match(await health(webhook, '/metrics'), /^meshgate_certificate_expiry_timestamp_seconds \d/m)
  t.match(await health(webhook, '/validate'), /"statusCode":404/)
})
