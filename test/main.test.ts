import { X509Certificate } from 'node:crypto'
import { rmSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { type ConnectionOptions, connect } from 'node:tls'
import t from 'tap'
import { defaultConfig } from '../src/config/config.ts'
import { startWebhook, type WebhookOptions } from '../src/main.ts'
import { pairInFiles } from '../src/server/certificate-files.ts'
import { policyFor, reviewOf } from './admission/reviews.ts'
import { ecKey, type Made, makeCertificate, rsaKey } from './server/make-certificate.ts'
import { until } from './server/until.ts'
import { makeVolume } from './server/volume.ts'

const name = 'meshgate.shop.svc'
const caKey = rsaKey()
const ca = makeCertificate({ commonName: 'test CA', key: caKey })
const leafKey = rsaKey()
const leaf = (key = leafKey): Made => makeCertificate({ names: [name], issuer: ca, key, commonName: 'leaf' })

const start = (different: Partial<WebhookOptions> = {}) =>
  startWebhook({
    host: '127.0.0.1',
    port: 0,
    names: [name],
    snapshot: [],
    config: defaultConfig,
    ...different,
  })

const body = JSON.stringify(reviewOf(policyFor([8080])))

interface Reply {
  readonly status: number
  readonly connection: string | undefined
  readonly text: string
  /** Fingerprint of the certificate that was served. */
  readonly leaf: string | undefined
}

function call(url: string, trusted: string, path: string, agent: Agent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const method = path.startsWith('/validate') ? 'POST' : 'GET'
    const headers = method === 'POST' ? { 'content-type': 'application/json' } : {}
    const outgoing = request(`${url}${path}`, { method, headers, agent, ca: trusted, servername: name }, (response) => {
      let text = ''
      const { socket } = response
      const leaf = 'getPeerX509Certificate' in socket ? (socket as TlsSocket).getPeerX509Certificate() : undefined
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          connection: response.headers.connection,
          text,
          leaf: leaf?.fingerprint256,
        }),
      )
    })
    outgoing.on('error', reject)
    outgoing.end(method === 'POST' ? body : undefined)
  })
}

type TlsSocket = ReturnType<typeof connect>

const fresh = () => new Agent({ keepAlive: false })
const kept = () => new Agent({ keepAlive: true, maxSockets: 4 })

t.test('it serves each of twenty renewed certificates, and fails no call meanwhile', async (t) => {
  const volume = makeVolume(leaf())
  t.teardown(volume.remove)
  const webhook = await start({ source: pairInFiles(volume) })
  const agents = [fresh(), kept()]
  const renewing = new AbortController()
  const load = Array.from({ length: 8 }, async (_, i) => {
    const statuses: number[] = []
    while (!renewing.signal.aborted)
      statuses.push((await call(webhook.url, ca.cert, '/validate', agents[i % 2] ?? fresh())).status)
    return statuses
  })
  for (let renewal = 0; renewal < 20; renewal++) {
    // The algorithm changes now and then, as it may.
    const next = leaf(renewal % 5 === 4 ? ecKey() : leafKey)
    volume.write(next)
    await webhook.reload()
    const { leaf: seen } = await call(webhook.url, ca.cert, '/validate', fresh())
    t.equal(seen, new X509Certificate(next.cert).fingerprint256, `renewal ${renewal + 1}`)
  }
  renewing.abort()
  const statuses = (await Promise.all(load)).flat()
  t.comment(`${statuses.length} calls during 20 renewals`)
  t.ok(statuses.length >= 20)
  t.same([...new Set(statuses)], [200])
  const { text } = await call(webhook.url, ca.cert, '/metrics', fresh())
  t.match(text, /^meshgate_certificate_reloads_total\{result="swapped"\} 20$/m)
  for (const agent of agents) agent.destroy()
  await webhook.stop(0)
})

t.test('it keeps serving, counts, and tells once, when the new pair is bad', async (t) => {
  const first = leaf()
  const volume = makeVolume(first)
  t.teardown(volume.remove)
  const lines: string[] = []
  const webhook = await start({ source: pairInFiles(volume), log: { write: (line) => lines.push(line) } })
  volume.write(makeCertificate({ names: ['meshgate.other.svc'], issuer: ca }))
  for (let look = 0; look < 3; look++) await webhook.reload()
  const { leaf: seen, text } = await call(webhook.url, ca.cert, '/metrics', fresh())
  t.equal(seen, new X509Certificate(first.cert).fingerprint256)
  t.match(text, /^meshgate_certificate_reloads_total\{result="san"\} 3$/m)
  const expiry = new X509Certificate(first.cert).validToDate.getTime() / 1000
  t.match(text, new RegExp(`^meshgate_certificate_expiry_timestamp_seconds ${expiry}$`, 'm'))
  t.equal(lines.filter((line) => line.includes('keeping the certificate')).length, 1)
  volume.write(leaf())
  await webhook.reload()
  t.equal(lines.filter((line) => line.includes('serving a new certificate')).length, 1)
  await webhook.stop(0)
})

t.test('it does not start with a pair that it could not serve', async (t) => {
  const volume = makeVolume(makeCertificate({ names: ['meshgate.other.svc'], issuer: ca }))
  t.teardown(volume.remove)
  await t.rejects(start({ source: pairInFiles(volume) }), {
    message: /^the certificate is not for meshgate\.shop\.svc/,
  })
  rmSync(volume.folder, { recursive: true })
  await t.rejects(start({ source: pairInFiles(volume) }), { code: 'ENOENT' })
})

t.test('it is not ready once its certificate has expired', async (t) => {
  const soon = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000)
  const volume = makeVolume(makeCertificate({ names: [name], issuer: ca, notAfter: soon }))
  t.teardown(volume.remove)
  const webhook = await start({ source: pairInFiles(volume) })
  const readiness = () =>
    new Promise<string>((resolve, reject) => {
      const outgoing = request(`${webhook.url}/readyz`, { rejectUnauthorized: false, agent: fresh() }, (response) => {
        let text = `${response.statusCode} `
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
        response.on('end', () => resolve(text))
      })
      outgoing.on('error', reject)
      outgoing.end()
    })
  await until(async () => (await readiness()).startsWith('503'))
  t.equal(await readiness(), `503 the certificate expired on ${soon.toISOString()}\nnot ready\n`)
  await webhook.stop(0)
})

t.test('it speaks HTTP/1.1 over TLS 1.3, also after a renewal', async (t) => {
  const volume = makeVolume(leaf())
  t.teardown(volume.remove)
  const webhook = await start({ source: pairInFiles(volume) })
  const port = Number(new URL(webhook.url).port)
  const shake = (options: ConnectionOptions): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, ca: ca.cert, servername: name, ...options }, () => {
        resolve(`${socket.getProtocol()} ${String(socket.alpnProtocol)}`)
        socket.destroy()
      })
      socket.on('error', () => resolve('refused'))
    })
  for (const round of ['before', 'after']) {
    t.equal(await shake({ ALPNProtocols: ['h2', 'http/1.1'] }), 'TLSv1.3 http/1.1', round)
    t.equal(await shake({ ALPNProtocols: ['h2'] }), 'refused', round)
    t.equal(await shake({ maxVersion: 'TLSv1.2' }), 'refused', round)
    t.equal(await shake({ servername: name.toUpperCase() }), 'TLSv1.3 false', 'whatever its case')
    t.equal(await shake({ servername: '', checkServerIdentity: () => undefined }), 'TLSv1.3 false', 'no name at all')
    t.equal(await shake({ ca: makeCertificate({}).cert }), 'refused', 'the client looks at all')
    volume.write(leaf())
    await webhook.reload()
  }
  await webhook.stop(0)
})

t.test('it makes a certificate for its names, where it is given none', async (t) => {
  const webhook = await start({ names: [name, '127.0.0.1'] })
  const { status, text } = await call(webhook.url, webhook.ca ?? '', '/validate', fresh())
  t.equal(status, 200)
  t.match(JSON.parse(text), { response: { allowed: true, auditAnnotations: { surroundings: 'unknown' } } })
  await webhook.stop(0)
})

t.test('it stops gracefully: it answers, unready, and closes each connection', async (t) => {
  const webhook = await start()
  const trusted = webhook.ca ?? ''
  const agent = kept()
  t.equal((await call(webhook.url, trusted, '/validate', agent)).connection, 'keep-alive')
  const stopped = webhook.stop(1000)
  const { status, connection } = await call(webhook.url, trusted, '/validate', agent)
  t.same([status, connection], [200, 'close'])
  t.match(await call(webhook.url, trusted, '/readyz', fresh()), { status: 503, text: 'draining\nnot ready\n' })
  await stopped
  await t.rejects(call(webhook.url, trusted, '/validate', fresh()), { code: 'ECONNREFUSED' })
  agent.destroy()
})

t.test('it does not wait for ever for a client that never finishes', async (t) => {
  const webhook = await start()
  const port = Number(new URL(webhook.url).port)
  const socket = connect({ host: '127.0.0.1', port, ca: webhook.ca, servername: name })
  const hungUp = new Promise((resolve) => socket.on('close', resolve))
  socket.on('error', () => undefined)
  socket.write('POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{')
  await until(async () => /in_flight 1$/m.test((await call(webhook.url, webhook.ca ?? '', '/metrics', fresh())).text))
  await webhook.stop(0, 100)
  await hungUp
  t.pass('it has stopped')
})
