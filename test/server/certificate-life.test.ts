import type { ServerOptions } from 'node:https'
import t from 'tap'
import { createCertificateReader } from '../../src/pki/certificate-reader.ts'
import { startCertificate } from '../../src/server/certificate-life.ts'
import { hashOf } from '../../src/server/certificate-pair.ts'
import { createMetrics } from '../../src/server/metrics.ts'
import { ecKey, type Made, makeCertificate } from './make-certificate.ts'
import { until } from './until.ts'

const name = 'meshgate.meshgate.svc'
const hour = 3_600_000
const authority = () =>
  makeCertificate({ commonName: 'CA', key: ecKey(), notAfter: new Date(Date.now() + 1000 * hour) })
const [oldCa, newCa] = [authority(), authority()]
const leaf = (issuer: Made, from: Date, hours = 100): Made =>
  makeCertificate({
    names: [name],
    issuer,
    notBefore: from,
    notAfter: new Date(from.getTime() + hours * hour),
  })

/** A pair that is served, the one that may be next, a bundle and the moment: each changes as the test says. */
async function lifeOf(first: Made, now: Date) {
  const world = { pair: first, bundles: [oldCa.cert], now, served: first.cert, log: new Array<string>() }
  const metrics = createMetrics()
  const life = await startCertificate({
    source: { read: async () => ({ ...world.pair, hash: hashOf(world.pair) }) },
    names: [name],
    clientCaFile: undefined,
    metrics,
    now: () => world.now,
  })
  const say = (level: string) => (text: string) => void world.log.push(`${level} ${text}`)
  life.follow({
    renew: ({ cert }: ServerOptions) => {
      world.served = String(cert)
    },
    forgetClients: () => undefined,
    log: { info: say('info'), warn: say('warn'), error: say('error') },
    trust: () => ({ bundles: world.bundles, dnsName: name }),
    reader: createCertificateReader(),
  })
  const sample = async (text: string) =>
    (await metrics.expose()).text
      .split('\n')
      .find((line) => line.startsWith(`${text} `))
      ?.split(' ')
      .at(-1)
  return { world, life, sample }
}

t.test('it waits with a new leaf until the caBundle verifies it, then serves it by itself', async (t) => {
  const start = new Date()
  const { world, life, sample } = await lifeOf(leaf(oldCa, start), start)
  t.teardown(() => life.stop())
  t.same([life.unready(), life.lines()], [[], []])
  const next = leaf(newCa, start)
  world.pair = next
  await life.look()
  world.now = new Date(start.getTime() + 90_000)
  await life.look()
  t.not(world.served, next.cert)
  t.equal(await sample('meshgate_certificate_swap_deferred_seconds'), '90')
  t.equal(await sample('meshgate_certificate_reloads_total{result="deferred"}'), '2')
  t.match(life.lines(), [/^a new certificate waits since .*: x509: certificate signed by unknown authority/])
  t.equal(world.log.length, 1, 'it says so once')
  t.match(world.log, [/^warn a new certificate waits until the caBundle verifies it/])
  world.bundles = [oldCa.cert + newCa.cert]
  await life.look()
  t.not(world.served, next.cert, 'another API server may not have heard of it yet')
  world.now = new Date(world.now.getTime() + 5000)
  await until(() => world.served === next.cert)
  await until(() => life.lines().length === 0)
  t.equal(await sample('meshgate_certificate_swap_deferred_seconds'), '0')
  t.equal(await sample('meshgate_certificate_reloads_total{result="swapped"}'), '1')
  t.match(world.log.slice(1), ['info serving a new certificate'])
})

t.test('it waits for two minutes of lag no less than for none', async (t) => {
  for (const lagS of [0, 60, 120]) {
    const start = new Date()
    const { world, life } = await lifeOf(leaf(oldCa, start), start)
    t.teardown(() => life.stop())
    const next = leaf(newCa, start)
    world.pair = next
    for (let s = 0; s < lagS; s += 10) {
      world.now = new Date(start.getTime() + s * 1000)
      await life.look()
      t.not(world.served, next.cert)
    }
    world.bundles = [oldCa.cert + newCa.cert]
    await life.look()
    world.now = new Date(world.now.getTime() + 5000)
    await life.look()
    t.equal(world.served, next.cert, `after ${lagS} s`)
  }
})

t.test('it serves a leaf that nobody verifies only when the old one is about to end, and says so aloud', async (t) => {
  const start = new Date()
  const { world, life, sample } = await lifeOf(leaf(oldCa, start), start)
  t.teardown(() => life.stop())
  const next = leaf(newCa, start)
  world.pair = next
  for (const hours of [1, 50, 89]) {
    world.now = new Date(start.getTime() + hours * hour)
    await life.look()
    t.not(world.served, next.cert, `after ${hours} of 100 hours`)
  }
  world.now = new Date(start.getTime() + 91 * hour)
  await life.look()
  t.equal(world.served, next.cert)
  t.equal(await sample('meshgate_certificate_reloads_total{result="forced"}'), '1')
  t.match(world.log.at(-1), /^error serving a new certificate though API servers do not verify it: x509: /)
})

t.test('it goes on as before where no bundle is known', async (t) => {
  const start = new Date()
  const { world, life } = await lifeOf(leaf(oldCa, start), start)
  t.teardown(() => life.stop())
  world.bundles = []
  world.pair = leaf(newCa, start)
  await life.look()
  t.equal(world.served, world.pair.cert)
})

t.test('it is not ready once its leaf has expired', async (t) => {
  const start = new Date()
  const { world, life } = await lifeOf(leaf(oldCa, start), start)
  t.teardown(() => life.stop())
  world.now = new Date(start.getTime() + 101 * hour)
  t.match(life.unready(), [/^the certificate expired on /])
  world.pair = leaf(newCa, world.now)
  await life.look()
  t.same(life.unready(), [], 'any leaf is better than an expired one')
})
