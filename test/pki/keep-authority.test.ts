import fc from 'fast-check'
import t from 'tap'
import type { Held } from '../../src/pki/authority-plan.ts'
import { createAuthorityWorld, type Times } from './authority-world.ts'

/** A look takes a second and more here, so that other things happen meanwhile: the last tenth of a leaf's life is longer. */
const times: Times = {
  authorityMs: 40_000,
  leafMs: 20_000,
  overlapMs: 1000,
  everyMs: 300,
  slowestMs: 200,
  lagMs: 200,
}

/** What somebody, or a disk, may do to the Secret. */
const damages: readonly ((held: Held) => Held | undefined)[] = [
  () => undefined,
  (held) => ({ ...held, leaf: undefined }),
  (held) => ({ ...held, signing: undefined }),
  (held) => ({ ...held, next: undefined }),
  (held) => ({ ...held, authorities: [] }),
  (held) => ({ ...held, published: undefined }),
  (held) => ({ ...held, signsSince: undefined }),
]

t.test('it loses no call, whatever replicas do at once, die of, or find damaged', async (t) => {
  let handovers = 0
  let retirements = 0
  let lost = 0
  const run = fc.asyncProperty(
    fc.integer({ min: 1, max: 4 }),
    fc.array(fc.nat({ max: 1_000_000 }), { minLength: 1500, maxLength: 1500 }),
    fc.boolean(),
    async (count, choices, isHarmed) => {
      const world = createAuthorityWorld(count, times)
      let safeUntilMs = world.nowMs() + 5000
      for (const choice of choices) {
        const what = choice % 1000
        const rest = Math.floor(choice / 1000)
        if (what < 6) {
          const replica = world.replicas[rest % count]
          if (replica) await world.kill(replica)
        } else if (what < 12 && isHarmed && world.nowMs() >= safeUntilMs) {
          const damage = damages[rest % damages.length]
          if (damage) world.meddle(damage)
          // Two disasters within the life of one certificate are more than is promised.
          safeUntilMs = world.nowMs() + 5000
        } else if (what < 500) await world.pass(rest % 200)
        else await world.happen(rest)
        const why = world.lostCall()
        if (why !== undefined) throw new Error(`${why}\n${world.log.slice(-20).join('\n')}`)
      }
      handovers += world.log.filter((line) => line.endsWith('signs from now on')).length
      retirements += world.log.filter((line) => line.endsWith('out of the CA bundle')).length
      lost += world.log.filter((line) => line.includes('another replica was faster')).length
    },
  )
  // A thousand steps take minutes to shrink; the last lines of the log tell the story.
  await fc.assert(run, { numRuns: 60, endOnFailure: true })
  t.comment(`${handovers} hand-overs, ${retirements} retirements, ${lost} writes in vain`)
  t.ok(handovers > 10 && retirements > 10 && lost > 10, 'and all of it happens')
})

/** Three replicas that agree, on what came of their first look. */
async function settled(count = 3) {
  const world = createAuthorityWorld(count, times)
  await world.pass(0)
  await world.settle()
  for (let i = 0; i < 3; i++) {
    await world.pass(times.everyMs)
    await world.settle()
  }
  return world
}

t.test('it makes one authority among many that start together, and all trust it', async (t) => {
  const world = await settled(5)
  t.equal(world.writes.created, 1)
  const [authority] = world.secret()?.authorities ?? []
  t.same(
    world.bundles().map((bundle) => bundle.map(({ id }) => id)),
    [[authority?.id], [authority?.id]],
  )
  t.same(new Set(world.replicas.map(({ keeper }) => keeper.leaf()?.id)), new Set([world.secret()?.leaf?.id]))
  t.ok(world.replicas.every(({ keeper }) => keeper.isTrusted()))
  const writes = world.replicas.map(({ keeper }) => keeper.health().secretWrites)
  t.equal(writes.filter(({ created }) => created === 1).length, 1)
  t.ok(
    writes.some(({ conflict }) => conflict > 0),
    'losers count it',
  )
})

t.test('it repairs a caBundle at the next look, whatever was written into it', async (t) => {
  const world = await settled()
  const [authority] = world.secret()?.authorities ?? []
  const stranger = { id: 'stranger', pem: '', notBeforeMs: 0, notAfterMs: Number.MAX_SAFE_INTEGER }
  for (const bundle of [[], [stranger], authority ? [authority, stranger] : []]) {
    world.overwrite(1, bundle)
    await world.pass(times.everyMs)
    await world.settle()
    t.same(world.bundles()[1], [authority])
  }
})

t.test('it begins anew where the Secret is gone, and goes on trusting what is still served', async (t) => {
  const world = await settled()
  const [before] = world.secret()?.authorities ?? []
  const served = world.replicas[0]?.keeper.leaf()
  world.meddle(() => undefined)
  await world.pass(times.everyMs)
  await world.settle()
  const held = world.secret()
  t.equal(world.writes.created, 2)
  t.equal(held?.authorities.length, 2)
  t.same(held?.authorities[0], before)
  t.same(world.bundles()[0], held?.authorities)
  t.equal(world.replicas[0]?.keeper.leaf(), served, 'an API server may not have heard of the new one yet')
  for (let i = 0; i < 6; i++) {
    await world.pass(times.everyMs)
    await world.settle()
  }
  t.equal(world.replicas[0]?.keeper.leaf()?.id, held?.leaf?.id)
})

t.test('it goes on trusting whom others trusted before it came, for two lives of a certificate', async (t) => {
  // As in earnest: an authority outlives many leaves.
  const world = createAuthorityWorld(2, { ...times, authorityMs: 10 * times.leafMs })
  const stranger = { id: 'of cert-manager', pem: '', notBeforeMs: 0, notAfterMs: Number.MAX_SAFE_INTEGER }
  for (const i of [0, 1]) world.overwrite(i, [stranger])
  const look = async () => {
    await world.pass(times.everyMs)
    await world.settle()
  }
  for (let i = 0; i < 4; i++) await look()
  const [first, second, ...others] = world.bundles()[0] ?? []
  t.same([first, others], [stranger, []])
  t.equal(second?.id, world.replicas[0]?.keeper.leaf()?.issuer)
  const begun = world.nowMs()
  while (world.bundles().flat().includes(stranger) && world.nowMs() < begun + 4 * times.leafMs) await look()
  const lives = (world.nowMs() - begun) / times.leafMs
  t.ok(lives > 1.8 && lives < 2.3, `it left after ${lives} lives`)
})

t.test('it mends the one caBundle where it may not write the other, and says so', async (t) => {
  const world = await settled(1)
  const [replica] = world.replicas
  const good = world.bundles()[1]
  world.forbid(0)
  for (const i of [0, 1]) world.overwrite(i, [])
  for (let i = 0; i < 2; i++) {
    await world.pass(times.everyMs)
    await world.settle()
  }
  t.same(world.bundles(), [[], good])
  t.same(replica?.keeper.health().troubles, ['configuration 0: you may not'])
  t.equal(replica?.keeper.health().bundlePatches.failed, 2)
  t.equal(world.log.filter((line) => line.includes('you may not')).length, 1, 'it logs it once')
})
