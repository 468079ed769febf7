import { spawnSync } from 'node:child_process'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { canaryObject } from '../../src/admission/canary.ts'
import { createStore } from '../../src/core/store.ts'
import { type KindName, kinds } from '../../src/k8s/kinds.ts'
import { readResource } from '../../src/k8s/resource.ts'
import { rules } from '../../src/rules/index.ts'
import { mostBodyBytes } from '../../src/server/admission-gate.ts'
import { buildApp, type ServerDependencies } from '../../src/server/app.ts'
import { createMetrics } from '../../src/server/metrics.ts'
import { broken } from '../admission/made-rules.ts'
import { natsService, oddPolicy, policyFor, reviewOf, shop, strict } from '../admission/reviews.ts'
import { whyInvalid } from '../admission/verify-response.ts'
import { until } from './until.ts'

const headers = { 'content-type': 'application/json' }

/** The webhook, a way to post to it, and the sample of a metric. */
function appOf(different: Partial<ServerDependencies> = {}) {
  const metrics = createMetrics()
  const clock = () => performance.now() / 1000
  const app = buildApp({ court: { rules, snapshot: shop, config: strict }, metrics, clock, ...different })
  const post = (url: string, body: unknown, more: Record<string, string> = {}) =>
    app.server.inject({
      method: 'POST',
      url,
      headers: { ...headers, ...more },
      payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    })
  const sample = async (name: string) => {
    const { text } = await metrics.expose()
    const line = text.split('\n').find((one) => one.startsWith(`${name} `))
    return line === undefined ? 0 : Number(line.slice(name.length + 1))
  }
  const listen = async () => {
    await app.server.listen({ host: '127.0.0.1', port: 0 })
    return (app.server.server.address() as AddressInfo).port
  }
  return { ...app, post, sample, listen }
}

const bad = reviewOf(policyFor([8080]))
const denied =
  /^\[network-policy-omits-proxy-port\] NetworkPolicy shop\/web at spec\.ingress\[0\]\.ports\[0\]: TCP 4143/

t.test('it answers a review, and counts it', async (t) => {
  const { post, sample } = appOf()
  const answer = await post('/validate?timeout=10s', bad)
  t.equal(answer.statusCode, 200)
  t.match(answer.headers['content-type'], /^application\/json/)
  t.equal(whyInvalid(bad, false, answer.json()), undefined)
  t.match(answer.json(), { response: { allowed: false, status: { code: 403, message: denied } } })
  await post('/validate', reviewOf(policyFor([8080, 4143])))
  await post('/validate', reviewOf({ apiVersion: 'example.dev/v1', kind: 'Forged"}\n', metadata: { name: 'x' } }))
  const labels = 'path="/validate",operation="CREATE"'
  t.equal(await sample(`meshgate_reviews_total{${labels},kind="NetworkPolicy",verdict="denied"}`), 1)
  t.equal(await sample(`meshgate_reviews_total{${labels},kind="NetworkPolicy",verdict="allowed"}`), 1)
  t.equal(await sample(`meshgate_reviews_total{${labels},kind="other",verdict="warned"}`), 1, 'labels are bounded')
  t.equal(await sample('meshgate_findings_total{rule="network-policy-omits-proxy-port",enforcement="deny"}'), 1)
  t.equal(await sample('meshgate_review_duration_seconds_count{path="/validate"}'), 3)
})

t.test('it judges a dry run, and counts no finding', async (t) => {
  const { post, sample } = appOf()
  const answer = await post('/validate', reviewOf(policyFor([8080]), { dryRun: true }))
  t.match(answer.json(), { response: { allowed: false } })
  t.equal(await sample('meshgate_findings_total{rule="network-policy-omits-proxy-port",enforcement="deny"}'), 0)
})

t.test('it says which Pod it is to a canary, whatever else it knows', async (t) => {
  const { post, sample } = appOf({ pod: 'meshgate-1' })
  const canary = canaryObject('meshgate', '0123456789abcdef') as Parameters<typeof reviewOf>[0]
  const sent = reviewOf(canary, { dryRun: true })
  const answer = (await post('/validate', sent)).json()
  t.equal(whyInvalid(sent, false, answer), undefined)
  t.match(answer.response, { allowed: true, warnings: [/^meshgate canary 0123456789abcdef answered by meshgate-1$/] })
  const labels = 'path="/validate",operation="CREATE",kind="ConfigMap",verdict="canary"'
  t.equal(await sample(`meshgate_reviews_total{${labels}}`), 1)
})

t.test('it patches, and never the second time', async (t) => {
  const { post, sample } = appOf()
  const sent = reviewOf(natsService())
  const answer = (await post('/mutate', sent)).json()
  t.equal(whyInvalid(sent, true, answer), undefined)
  const operations = JSON.parse(Buffer.from(answer.response.patch, 'base64').toString())
  t.same(operations, [
    {
      op: 'add',
      path: '/metadata/annotations',
      value: { 'config.linkerd.io/opaque-ports': '25,587,3306,4444,5432,6379,9300,11211,4222' },
    },
  ])
  const again = (await post('/mutate', reviewOf(natsService({ annotations: operations[0].value })))).json()
  t.same(again.response, { uid: sent.request.uid, allowed: true })
  const labels = 'path="/mutate",operation="CREATE",kind="Service"'
  t.equal(await sample(`meshgate_reviews_total{${labels},verdict="patched"}`), 1)
  t.equal(await sample(`meshgate_reviews_total{${labels},verdict="allowed"}`), 1)
})

t.test('it refuses what is no review, and stays well', async (t) => {
  const { post, server, sample } = appOf()
  const { request } = bad
  const { uid: _, ...withoutUid } = request
  for (const [what, body, more, status, text] of [
    ['nothing', '', {}, 400, /not JSON/],
    ['half an object', '{', {}, 400, /not JSON/],
    ['a list', '[]', {}, 400, /no AdmissionReview/],
    ['no request', { ...bad, request: undefined }, {}, 400, /request is missing/],
    ['no uid', { ...bad, request: withoutUid }, {}, 400, /uid is missing/],
    ['version v2', { ...bad, apiVersion: 'admission.k8s.io/v2' }, {}, 400, /apiVersion is none of/],
    ['a byte order mark', `\uFEFF${JSON.stringify(bad)}`, {}, 400, /not JSON/],
    ['two documents', JSON.stringify(bad) + JSON.stringify(bad), {}, 400, /not JSON/],
    ['plain text', JSON.stringify(bad), { 'content-type': 'text/plain' }, 415, /Unsupported Media Type/],
    ['gzip', Buffer.from([0x1f, 0x8b]), { 'content-encoding': 'gzip' }, 415, /Content-Encoding/],
  ] as const)
    for (const path of ['/validate', '/mutate']) {
      const answer = await post(path, body, more)
      t.equal(answer.statusCode, status, `${path}: ${what}`)
      t.match(answer.body, text)
      t.notMatch(answer.body, /"response"/)
    }
  t.equal((await server.inject({ method: 'POST', url: '/validate' })).statusCode, 400, 'neither body nor type')
  t.equal((await server.inject('/validate')).statusCode, 404, 'GET')
  t.equal((await post('/validate', bad)).statusCode, 200)
  t.equal(await sample('meshgate_requests_rejected_total{reason="not-json"}'), 8)
  t.equal(await sample('meshgate_requests_rejected_total{reason="content-encoding"}'), 2)
  t.equal(await sample('meshgate_requests_in_flight'), 0)
  t.equal(await sample('meshgate_request_bytes_in_flight'), 0)
})

t.test("it gives a verdict on objects with JavaScript's own keys, and is not changed by them", async (t) => {
  const { post } = appOf()
  t.match((await post('/validate', oddPolicy)).json(), { response: { allowed: false, status: { message: denied } } })
  t.match((await post('/mutate', oddPolicy)).json(), { response: { allowed: true, patchType: 'JSONPatch' } })
  t.equal(Reflect.get({}, 'polluted'), undefined)

  const run = (...flags: string[]) =>
    spawnSync(process.execPath, [...flags, join(import.meta.dirname, 'odd-keys.ts')], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'] },
    })
  const [usual, without] = [run(), run('--disable-proto=delete')]
  t.match(usual.stdout, /"allowed":false.*\n.*JSONPatch.*\nundefined\n$/)
  t.equal(without.stdout, usual.stdout, without.stderr)
})

/** A review of an update: two copies of an object with so many characters that Go writes as six. */
function escaped(characters: number): string {
  const policy = policyFor([8080], { annotations: { x: '@' } })
  const text = JSON.stringify(reviewOf(policy, { operation: 'UPDATE', oldObject: { ...policy, spec: {} } }))
  return text.replaceAll('@', String.raw`\u003c`.repeat(characters))
}

t.test('it gives the largest legal object a verdict, and no more than that', async (t) => {
  const { post, sample } = appOf()
  const large = escaped(1_090_000)
  t.ok(large.length > 12.4 * 1024 * 1024)
  t.match((await post('/validate', large)).json(), { response: { allowed: false, status: { message: denied } } })
  const padded = JSON.stringify(bad).padEnd(mostBodyBytes)
  t.equal((await post('/validate', padded)).statusCode, 200, '16 MiB')
  const beyond = await post('/validate', `${padded} `)
  t.equal(beyond.statusCode, 413, 'a byte more')
  t.equal(beyond.headers.connection, 'close')
  t.equal(await sample('meshgate_requests_rejected_total{reason="http-413"}'), 1)
  t.equal(
    (await post('/validate', '', { 'content-length': String(100 * mostBodyBytes) })).statusCode,
    413,
    'also beyond all that may be in flight',
  )
})

t.test('it judges an object nested as deep as the API server allows', async (t) => {
  const { post } = appOf()
  const deep = '{"a":'.repeat(9_997) + '1' + '}'.repeat(9_997)
  const text = JSON.stringify(bad).replace('"spec":{', `"status":${deep},"spec":{`)
  t.match((await post('/validate', text)).json(), { response: { allowed: false, status: { message: denied } } })
  t.match((await post('/mutate', text)).json(), { response: { allowed: true, patchType: 'JSONPatch' } })
})

t.test('it leaves numbers in a mutated object alone that JavaScript cannot carry', async (t) => {
  const { post } = appOf()
  const numbers = '"seen":9007199254740993,"quantity":1e400'
  const text = JSON.stringify(reviewOf(natsService())).replace('"spec":{', `"status":{${numbers}},"spec":{`)
  const { patch } = (await post('/mutate', text)).json().response
  const paths = JSON.parse(Buffer.from(patch, 'base64').toString()).map((one: { path: string }) => one.path)
  t.same(paths, ['/metadata/annotations'])
})

t.test('it answers 500 to its own fault, so that failurePolicy decides', async (t) => {
  const lines: string[] = []
  const config = { ...strict, fix: new Set([...strict.fix, broken.id]) }
  const court = { rules: [broken, ...rules], snapshot: shop, config }
  const { post, sample } = appOf({ court, log: { write: (line) => lines.push(line) } })
  for (const path of ['/validate', '/mutate']) {
    const answer = await post(path, reviewOf(natsService()))
    t.equal(answer.statusCode, 500, path)
    t.equal(answer.body, 'rule rule-broken failed; see the log of meshgate')
  }
  t.ok((await sample('meshgate_rule_failures_total{rule="rule-broken"}')) >= 2)
  t.equal(await sample('meshgate_requests_rejected_total{reason="rule-failed"}'), 2)
  t.equal(await sample('meshgate_findings_total{rule="server-speaks-first-port-not-opaque",enforcement="deny"}'), 0)
  t.equal((await post('/validate', bad)).statusCode, 200, 'a review the rule has no say in')
  t.match(JSON.parse(lines[0] ?? ''), { rule: 'rule-broken', msg: 'a rule failed', err: { message: 'our fault' } })
})

t.test('it logs one line of JSON per event, and never what it was sent', async (t) => {
  const lines: string[] = []
  const court = { rules: [broken, ...rules], snapshot: shop, config: strict }
  const { post } = appOf({ court, log: { write: (line) => lines.push(line) } })
  const secret = 'hunter2\n{"level":60}'
  await post('/validate', reviewOf(natsService({ name: secret, annotations: { secret } })))
  await post('/validate', `{"request": ${secret}`)
  await post('/validate', reviewOf(policyFor([8080], { name: secret })))
  await post('/nowhere', secret, { 'content-type': secret.slice(0, 7) })
  t.equal(lines.length, 1, 'only a fault of its own is worth a line')
  for (const line of lines) {
    t.notMatch(line, /hunter2/)
    t.match(JSON.parse(line), { level: 50 })
    t.equal(line.indexOf('\n'), line.length - 1)
  }
})

t.test('it gives up when the API server has', async (t) => {
  let now = 0
  const { post, sample } = appOf({ clock: () => (now += 4) })
  t.equal((await post('/validate?timeout=10s', bad)).statusCode, 200)
  const late = await post('/validate?timeout=8s', bad)
  t.equal(late.statusCode, 504)
  t.match(late.body, /took longer/)
  t.equal(late.headers['retry-after'], undefined, 'it would be as late again')
  t.equal(await sample('meshgate_requests_rejected_total{reason="deadline"}'), 1)
})

/** A request under way: its headers are sent, and half of what they promise. */
function begin(port: number, length: number) {
  const outgoing = httpRequest({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/validate',
    headers: { ...headers, 'content-length': length },
  })
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('response', (response) => {
      response.resume()
      resolve(response)
    })
    outgoing.on('error', reject)
  })
  outgoing.flushHeaders()
  return { outgoing, answer }
}

t.test('it sheds what is too much at once, and answers the rest', async (t) => {
  const { listen, server, sample } = appOf()
  const port = await listen()
  t.teardown(() => server.close())
  const size = 12 * 1024 * 1024
  const body = JSON.stringify(bad).padEnd(size)
  const all = Array.from({ length: 50 }, () => begin(port, size))
  const shed = new Map<unknown, IncomingMessage>()
  for (const { outgoing, answer } of all) void answer.then((response) => shed.set(outgoing, response))
  await until(() => shed.size === 46)
  for (const { statusCode, headers } of shed.values())
    t.match({ ...headers, statusCode }, { statusCode: 503, 'retry-after': '1', connection: 'close' })
  t.equal(await sample('meshgate_requests_in_flight'), 4)
  t.equal(await sample('meshgate_request_bytes_in_flight'), 4 * size)
  for (const { outgoing } of all) if (!shed.has(outgoing)) outgoing.end(body)
  const statuses = await Promise.all(all.map(async ({ answer }) => (await answer).statusCode))
  t.equal(statuses.filter((status) => status === 200).length, 4)
  t.equal(await sample('meshgate_requests_rejected_total{reason="overload-by-source"}'), 46)
  await until(async () => (await sample('meshgate_request_bytes_in_flight')) === 0)
})

t.test('it gives a denial a second look, and nothing else', async (t) => {
  const store = createStore()
  for (const kind of Object.keys(kinds) as KindName[]) {
    store.replace(kind, shop.all(kind))
    store.mark(kind, undefined)
  }
  let settled = 0
  const settle = async () => {
    settled++
    const read = readResource(policyFor([4143], { name: 'grants' }), 'shop')
    if (settled > 1 && read.as === 'resource') store.upsert(read.resource)
  }
  const { post } = appOf({ court: { rules, snapshot: store.snapshot, config: strict }, settle })
  t.match((await post('/validate', bad)).json(), { response: { allowed: false } }, 'nothing has changed meanwhile')
  t.match((await post('/validate', bad)).json(), { response: { allowed: true } })
  t.equal(settled, 2)
  t.match((await post('/validate', reviewOf(policyFor([4143])))).json(), { response: { allowed: true } })
  await post('/mutate', bad)
  t.equal(settled, 2, 'only denials wait')
})

t.test('it gives room back, at whatever moment a client hangs up', async (t) => {
  const { listen, server, sample } = appOf()
  const port = await listen()
  t.teardown(() => server.close())
  const body = JSON.stringify(bad)
  const head = `POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  const whole = head + body
  const hangUps = [head.length, head.length + 10, whole.length - 1, whole.length]
  await Promise.all(
    Array.from({ length: 200 }, (_, i) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      return new Promise<void>((resolve) => {
        socket.on('close', () => resolve())
        socket.on('connect', () =>
          socket.write(whole.slice(0, hangUps[i % 4]), () => (i % 8 < 4 ? socket.resetAndDestroy() : socket.end())),
        )
        socket.resume()
      })
    }),
  )
  await until(async () => (await sample('meshgate_requests_in_flight')) === 0)
  t.equal(await sample('meshgate_request_bytes_in_flight'), 0)
  const { outgoing, answer } = begin(port, body.length)
  outgoing.end(body)
  t.equal((await answer).statusCode, 200)
})

t.test('it keeps connections longer than the API server does, and not for ever', async (t) => {
  const { listen, server } = appOf()
  const port = await listen()
  t.teardown(() => server.close())
  const { outgoing, answer } = begin(port, JSON.stringify(bad).length)
  outgoing.end(JSON.stringify(bad))
  t.equal((await answer).headers['keep-alive'], 'timeout=120, max=1000')
  const { keepAliveTimeout, headersTimeout, requestTimeout, maxRequestsPerSocket } = server.server
  t.same([keepAliveTimeout, headersTimeout, requestTimeout, maxRequestsPerSocket], [120_000, 10_000, 30_000, 1000])
})

t.test('it says whether it lives, is ready, and why not', async (t) => {
  const reasons: string[] = []
  const { server, drain } = appOf({ unready: () => reasons })
  const get = async (url: string) => {
    const { statusCode, body } = await server.inject(url)
    return [statusCode, body]
  }
  t.same(await get('/livez'), [200, 'ok\n'])
  t.same(await get('/readyz'), [200, 'ok\n'])
  t.same(await get('/readyz?verbose'), [200, `snapshot: input\nrules: ${rules.length}\nok\n`])
  reasons.push('the certificate expired')
  t.same(await get('/readyz'), [503, 'the certificate expired\nnot ready\n'])
  t.same(await get('/livez'), [200, 'ok\n'], 'a restart would not help')
  drain()
  t.same(await get('/readyz'), [503, 'draining\nnot ready\n'])
})

t.test('it answers while it drains, and closes each connection', async (t) => {
  const { post, drain, server } = appOf()
  t.not((await post('/validate', bad)).headers.connection, 'close')
  drain()
  const answer = await post('/validate', bad)
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), { response: { allowed: false } })
  t.equal(answer.headers.connection, 'close')
  t.equal((await server.inject('/livez')).headers.connection, 'close')
})

t.test('it exposes its metrics', async (t) => {
  const { server, post } = appOf()
  await post('/validate', bad)
  const { statusCode, headers, body } = await server.inject('/metrics')
  t.equal(statusCode, 200)
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/)
  t.match(body, /^meshgate_reviews_total\{.*verdict="denied"\} 1$/m)
})

t.test('it answers in ASCII, whatever it has to say', async (t) => {
  const { post } = appOf({
    court: { rules, snapshot: shop, config: { ...strict, enforcement: { ...strict.enforcement, ceiling: 'warn' } } },
  })
  const uid = 'ü😀\u2028'
  const answer = await post('/validate', reviewOf(policyFor([8080]), { uid }))
  t.notMatch(answer.body, /[^\x20-\x7e]/)
  t.equal(answer.json().response.uid, uid)
  t.match(answer.json().response.warnings, [/…$/])
})
