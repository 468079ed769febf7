import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { answerCanary, type CanaryAnswer } from '../../src/admission/canary.ts'
import { readReview } from '../../src/admission/review.ts'
import { createCertificateReader } from '../../src/pki/certificate-reader.ts'
import { createMetrics } from '../../src/server/metrics.ts'
import { type SelfWatchOptions, watchSelf } from '../../src/server/self-watch.ts'
import { type Edited, installed, own, registration, storeWith } from '../admission/own.ts'
import { reviewOf } from '../admission/reviews.ts'
import { issue } from '../pki/issue.ts'

const ca = issue({ subject: 'CA', ca: true })
const otherCa = issue({ subject: 'CA', ca: true })
const leaf = issue({ subject: 'leaf', by: ca, dnsNames: ['meshgate.guard.svc'] })
const minute = 60_000

/** A replica that serves the leaf, the cluster around it, and what the API server answers to its canary. */
async function replica(t: Test, different: Partial<SelfWatchOptions> = {}) {
  const server = createServer({ cert: leaf.pem, key: leaf.key })
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  const { validating, mutating } = installed()
  const store = storeWith()
  const world = {
    nowMs: Date.parse('2026-06-01T00:00:00Z'),
    answer: (_object: object): CanaryAnswer => ({ status: 201, warnings: [], message: '' }),
    log: new Array<string>(),
  }
  const metrics = createMetrics()
  const say = (level: string) => (text: string) => void world.log.push(`${level} ${text}`)
  const watch = watchSelf({
    own,
    snapshot: store.snapshot,
    reader: createCertificateReader(),
    registration,
    dryRun: { create: async (_path, object) => world.answer(object) },
    host: '0.0.0.0',
    port: (server.address() as AddressInfo).port,
    mendsBundles: false,
    metrics,
    log: { info: say('info'), warn: say('warn'), error: say('error') },
    nowMs: () => world.nowMs,
    times: { trustEveryMs: 1e9, canaryEveryMs: 1e9, driftEveryMs: 1e9 },
    ...different,
  })
  t.teardown(() => {
    watch.stop()
    server.close().closeAllConnections()
  })
  const samples = async (name: string) =>
    (await metrics.expose()).text.split('\n').filter((line) => line.startsWith(`meshgate_${name}`))
  /** Has the cluster hold these configurations, all of whose entries have this bundle. */
  const install = (bundle: string | undefined, edit: (all: Edited) => void = () => undefined) => {
    for (const configuration of [validating, mutating]) {
      const copy = structuredClone(configuration)
      const caBundle = bundle === undefined ? null : Buffer.from(bundle).toString('base64')
      for (const { clientConfig } of copy.webhooks) Object.assign(clientConfig, { caBundle })
      if (configuration === validating) edit(copy)
      for (const resource of storeWith(copy).snapshot.all(copy.kind)) store.upsert(resource)
    }
  }
  return { world, watch, samples, install, store, look: () => watch.look() }
}

const answered =
  (pod: string) =>
  (object: object): CanaryAnswer => {
    const read = readReview(reviewOf(object as Parameters<typeof reviewOf>[0], { dryRun: true }))
    const answer = 'review' in read ? answerCanary(read.review, pod) : undefined
    return { status: 201, warnings: answer?.response.warnings ?? [], message: '' }
  }

t.test('it knows nothing without configurations, and says so without alarm', async (t) => {
  const { watch, samples, look } = await replica(t)
  await look()
  t.same(await samples('trust_probe_success'), [])
  t.same(await samples('configuration_drift'), [
    'meshgate_configuration_drift{configuration="meshgate",reason="missing"} 1',
    'meshgate_configuration_drift{configuration="a-meshgate",reason="missing"} 1',
  ])
  t.ok(watch.lines().includes('trust: no caBundle is known'))
  t.same(watch.unready(), [])
})

t.test('it tells of trust, says each change once, and is not ready when nobody has trusted it for long', async (t) => {
  const { world, watch, samples, install, look } = await replica(t, { dryRun: undefined })
  install(ca.pem)
  await look()
  t.same(await samples('trust_probe_success'), ['meshgate_trust_probe_success 1'])
  const seen = world.nowMs / 1000
  install(otherCa.pem)
  for (let i = 0; i < 8; i++) {
    world.nowMs += 15_000
    await look()
    t.same(watch.unready(), [], `not yet after ${i + 1} looks`)
  }
  world.nowMs += 15_000
  await look()
  t.match(watch.unready(), [
    /^API servers do not trust the certificate that is served \(unknown-authority\): meshgate: x509/,
  ])
  t.same(await samples('trust_probe_success'), ['meshgate_trust_probe_success 0'])
  t.same(await samples('trust_probe_last_success'), [`meshgate_trust_probe_last_success_timestamp_seconds ${seen}`])
  t.match(await samples('trust_probe_failures_total{reason="unknown-authority"}'), [/ 9$/])
  t.match(
    world.log.filter((line) => line.includes('verify')),
    [
      'info API servers can verify what is served',
      /^error API servers cannot verify what is served \(unknown-authority\)/,
    ],
  )
  install(otherCa.pem + ca.pem)
  await look()
  t.same(watch.unready(), [])
  t.same(await samples('trust_probe_success'), ['meshgate_trust_probe_success 1'])
})

t.test(
  'it stays ready where a bundle is missing, where a part is trusted, and where it mends the bundle itself',
  async (t) => {
    for (const [what, bundle, edit, mendsBundles] of [
      ['no bundle', undefined, () => undefined, false],
      [
        'one entry trusts it',
        otherCa.pem,
        ({ webhooks: [{ clientConfig }] }: Edited) => (clientConfig.caBundle = Buffer.from(ca.pem).toString('base64')),
        false,
      ],
      ['it mends', otherCa.pem, () => undefined, true],
    ] as const) {
      const { world, watch, samples, install, look } = await replica(t, { dryRun: undefined, mendsBundles })
      install(bundle, edit)
      await look()
      world.nowMs += 60 * minute
      await look()
      t.same(watch.unready(), [], what)
      t.same(await samples('trust_probe_success'), ['meshgate_trust_probe_success 0'], what)
    }
  },
)

t.test('it stays ready where what it knows is stale', async (t) => {
  const { world, watch, samples, install, store, look } = await replica(t, { dryRun: undefined })
  install(otherCa.pem)
  await look()
  world.nowMs += 3 * minute
  store.mark('MutatingWebhookConfiguration', { as: 'stale', why: 'nothing from the API server' })
  await look()
  t.same([watch.unready(), await samples('trust_probe_success')], [[], ['meshgate_trust_probe_success 0']])
})

t.test('it forgets what it thought when it may not look any more', async (t) => {
  const { world, watch, samples, install, store, look } = await replica(t, { dryRun: undefined })
  install(otherCa.pem)
  await look()
  world.nowMs += 3 * minute
  await look()
  t.equal(watch.unready().length, 1)
  for (const kind of ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'] as const)
    store.mark(kind, { as: 'unsynced', why: 'forbidden' })
  await look()
  t.same([watch.unready(), await samples('trust_probe_success'), await samples('configuration_drift')], [[], [], []])
})

t.test('it tells who answers its canary, and why nobody does', async (t) => {
  const { world, watch, samples, install, look } = await replica(t)
  install(ca.pem)
  world.answer = answered('meshgate-1')
  await look()
  const first = world.nowMs / 1000
  world.nowMs += 30_000
  world.answer = answered('meshgate-2')
  await look()
  t.same(await samples('canary_success'), ['meshgate_canary_success 1'])
  t.ok(watch.lines().includes('canary: answered by meshgate-1 (30 s ago), meshgate-2 (0 s ago)'))
  t.same(await samples('canary_responder'), [
    `meshgate_canary_responder_timestamp_seconds{responder="meshgate-1"} ${first}`,
    `meshgate_canary_responder_timestamp_seconds{responder="meshgate-2"} ${first + 30}`,
  ])
  world.nowMs += 11 * minute
  await look()
  t.same((await samples('canary_responder')).length, 1, 'who is gone is forgotten')

  world.log.length = 0
  world.answer = () => ({ status: 201, warnings: [], message: '' })
  await look()
  await look()
  t.same(await samples('canary_success'), ['meshgate_canary_success 0'])
  t.same(await samples('canary_last_success'), [`meshgate_canary_last_success_timestamp_seconds ${first + 30 + 660}`])
  const failures = await samples('canary_total{result="failed-open"}')
  t.same(failures, ['meshgate_canary_total{result="failed-open"} 3'], 'and one at the start')
  world.answer = answered('meshgate-2')
  await look()
  t.match(world.log, [
    'error API servers do not get verdicts from meshgate (failed-open): the API server admitted the canary without an answer of ours',
    'info API servers ask meshgate again: meshgate-2 answered',
  ])
})

t.test('it says once that it may not send a canary, and takes that for no failure', async (t) => {
  const { world, watch, samples, install, look } = await replica(t)
  install(ca.pem)
  world.answer = () => ({ status: 403, warnings: [], message: 'configmaps is forbidden: User "x" cannot create' })
  for (let i = 0; i < 3; i++) await look()
  t.same(await samples('canary_success'), [])
  t.match(await samples('canary_total{result="no-right"}'), [/ [34]$/])
  t.equal(world.log.filter((line) => line.startsWith('warn whether API servers ask meshgate is not known')).length, 1)
  t.same(watch.unready(), [])
  world.answer = () => {
    throw new Error('no route')
  }
  await look()
  t.ok(watch.lines().includes('canary: unknown: unreachable: no route'))
})

t.test('it tells of each drift, and when it is over', async (t) => {
  const { world, watch, samples, install, look } = await replica(t, { dryRun: undefined })
  install(ca.pem)
  await look()
  t.same(await samples('configuration_drift'), [])
  world.log.length = 0
  install(ca.pem, ({ webhooks: [entry] }) => Object.assign(entry, { failurePolicy: 'Ignore', matchConditions: [] }))
  await look()
  await look()
  t.same(await samples('configuration_drift'), [
    'meshgate_configuration_drift{configuration="meshgate",reason="match-conditions"} 1',
    'meshgate_configuration_drift{configuration="meshgate",reason="failure-policy"} 1',
  ])
  t.ok(watch.lines().includes('choice: meshgate: policy.validate.meshgate.dev: failurePolicy is Ignore, not Fail'))
  install(ca.pem)
  await look()
  t.same(await samples('configuration_drift'), [])
  t.match(
    world.log.filter((line) => line.includes('as installed')),
    [
      'error not as installed: meshgate: policy.validate.meshgate.dev: its matchConditions are others',
      'error not as installed: meshgate: policy.validate.meshgate.dev: failure-policy was Fail and is Ignore now',
      'info as installed again: meshgate: policy.validate.meshgate.dev: its matchConditions are others',
      'info as installed again: meshgate: policy.validate.meshgate.dev: failure-policy was Fail and is Ignore now',
    ],
  )
})
