import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { kinds } from '../../src/k8s/kinds.ts'
import { makeSelfSigned } from '../../src/pki/self-signed.ts'
import { reviewOf } from '../admission/reviews.ts'
import { apply } from './apply.ts'
import type { AvailabilityOptions } from './availability.ts'
import { startCluster } from './cluster.ts'
import { definition } from './custom-resources.ts'
import { followReplicas, service } from './endpoints.ts'
import { flood } from './flood-process.ts'
import { account, registration, tlsName } from './installation.ts'
import { namespace, policy } from './manifests.ts'
import { type Replica, startReplica } from './replica.ts'
import { startLoad } from './steady-load.ts'
import { until } from './until.ts'

/*
 * Replicas that come, go, die and stand still behind a Service while policies are created at a steady rate (reliability, T39 to T42).
 * The API server dials what EndpointSlices say, so this runs in a network namespace of its own in which 10.244.0.0/16 is local;
 * availability.ts makes it. Argument, as JSON: how much of it.
 */

const options: AvailabilityOptions = JSON.parse(process.argv[2] ?? '{}')
const { perSecond, rounds, stopSeconds, floodSeconds, gapSeconds } = options

const webhookTimeoutMs = 5000

t.test('two replicas behind a Service', { timeout: 0 }, async (t) => {
  const cluster = await startCluster(['--enable-aggregator-routing=true'])
  const endpoints = followReplicas(cluster)
  t.teardown(async () => {
    await endpoints.stop()
    await cluster.stop()
  })
  const pair = makeSelfSigned([tlsName], new Date())
  let host = 0
  const add = async () => {
    const address = `10.244.1.${++host}`
    const replica = await startReplica(cluster, { address, pair, drainSeconds: 5, config: 'ceiling: warn\n' })
    await endpoints.add(replica)
    return replica
  }
  const path = '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies'
  const load = () => startLoad(cluster, { namespace: 'shop', perSecond })
  const reviews = (replica: Replica) => replica.metric('meshgate_reviews_total')

  await apply(
    cluster,
    namespace('meshgate', {}),
    namespace('linkerd', {}),
    namespace('shop'),
    definition(kinds.Server, { versions: ['v1beta3'] }),
    service,
  )
  await apply(cluster, ...account('meshgate'))
  let [first, second] = [await add(), await add()]
  // The Service is there already, and of another type.
  await apply(
    cluster,
    ...registration(443, pair.ca).filter((object) => !('kind' in object) || object.kind !== 'Service'),
  )
  const judged = async () => (await reviews(first)) + (await reviews(second))
  await until('the webhook', async () => {
    const before = await judged()
    await cluster.request('POST', `${path}?dryRun=All`, JSON.stringify(policy('shop', 'probe', [8080, 4143])))
    return (await judged()) > before
  })

  await t.test('they share the work', async (t) => {
    const before = [await reviews(first), await reviews(second)]
    const going = load()
    await pause(5000)
    const { calls, failures } = await going.stop()
    t.same(failures, [])
    const shares = [(await reviews(first)) - (before[0] ?? 0), (await reviews(second)) - (before[1] ?? 0)]
    t.comment(`${calls} calls, of which the replicas judged ${shares.join(' and ')}`)
    for (const share of shares) t.ok(share > calls / 10, `a share of ${share}`)
  })

  await t.test(`they are replaced one by one ${rounds} times, and no call fails`, async (t) => {
    const going = load()
    const stops: number[] = []
    for (let round = 0; round < rounds; round++) {
      for (const old of [first, second]) {
        const next = await add()
        const start = performance.now()
        t.equal(await endpoints.terminate(old), 0, 'it ends by itself, in order')
        stops.push(Math.round(performance.now() - start))
        if (old === first) first = next
        else second = next
      }
    }
    const { calls, failures } = await going.stop()
    t.same(failures, [])
    t.comment(`${calls} calls; from SIGTERM to the end at most ${Math.max(...stops)} ms`)
    t.ok(Math.max(...stops) < 30_000)
  })

  await t.test(
    'one is killed: what it had in hand fails, and what is sent to it until it is out of the Service',
    async (t) => {
      const going = load()
      await pause(2000)
      first.kill('SIGKILL')
      const killed = Date.now()
      await first.ended
      await endpoints.known(first, false)
      const out = Date.now()
      await pause(3000)
      const { calls, failures } = await going.stop()
      t.comment(`${failures.length} of ${calls} calls failed; it was out after ${out - killed} ms`)
      const others = failures.filter(
        ({ at, said }) => at < killed || at > out + webhookTimeoutMs || !said.includes('failed calling webhook'),
      )
      t.same(others, [], 'none fails once it is out, and the author of the object is told why')
      first = await add()
    },
  )

  await t.test(`one stands still for ${stopSeconds} s: it is out soon, and back by itself`, async (t) => {
    const going = load()
    await pause(2000)
    second.kill('SIGSTOP')
    const stopped = Date.now()
    await endpoints.known(second, false)
    const out = Date.now()
    await pause(Math.max(0, stopSeconds * 1000 - (out - stopped)))
    second.kill('SIGCONT')
    await endpoints.known(second, true)
    const back = Date.now()
    const before = await reviews(second)
    await pause(5000)
    const { calls, failures } = await going.stop()
    t.comment(`${failures.length} of ${calls} calls failed; it was out after ${out - stopped} ms`)
    const late = failures.filter(({ at }) => at < stopped || at > out + webhookTimeoutMs + 1000)
    t.same(late, [], 'none fails once it is out and what it had in hand is given up')
    t.ok(back > out && (await reviews(second)) > before, 'it judges again')
  })

  await t.test('it sheds what is too much, is alive meanwhile, and recovers at once', async (t) => {
    const body = JSON.stringify(reviewOf(policy('shop', 'flood', [8080])))
    const client = { url: `https://${first.address}:8443`, ca: pair.ca, name: tlsName, body, lanes: 150, perSecond: 0 }
    const floods = Promise.all(
      ['10.244.9.1', '10.244.9.2'].map((source) => flood({ ...client, source, seconds: floodSeconds })),
    )
    const ended = floods.then(() => true)
    let slowest = 0
    do {
      const start = performance.now()
      t.equal((await fetch(`${first.health()}/livez`)).status, 200)
      slowest = Math.max(slowest, performance.now() - start)
    } while (!(await Promise.race([ended, pause(200, false)])))
    for (const { calls, statuses, p99 } of await floods) {
      t.comment(`${calls} reviews of a flood: ${JSON.stringify(statuses)}, p99 ${p99} ms`)
      t.same(
        Object.keys(statuses).filter((status) => !['200', '503'].includes(status)),
        [],
      )
    }
    t.comment(`health answered within ${Math.round(slowest)} ms`)
    await endpoints.known(first, true)
    const going = load()
    await pause(3000)
    t.same((await going.stop()).failures, [], 'nothing fails afterwards')
  })

  for (const seconds of gapSeconds)
    await t.test(`they answer over connections that were idle for ${seconds} s`, async (t) => {
      const burst = async () => {
        const going = load()
        await pause(1000)
        t.same((await going.stop()).failures, [])
      }
      await burst()
      await pause(seconds * 1000)
      await burst()
    })

  await t.test('they end when they are told to', async (t) => {
    for (const replica of [first, second]) {
      t.equal(await endpoints.terminate(replica), 0)
      const lines = replica.output().split('\n')
      for (const line of lines.filter((line) => line.startsWith('{'))) t.ok(JSON.parse(line).level < 50, line)
    }
  })
})
