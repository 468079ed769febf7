import t from 'tap'
import { readSelfSigned, type SelfSignedArguments } from '../../src/commands/self-signed.ts'

const read = (different: Partial<SelfSignedArguments>) =>
  readSelfSigned({ secret: 'meshgate-tls', lives: undefined, hasCert: false, isInCluster: true, ...different })

t.test('it reads how long things last', async (t) => {
  t.equal(read({ secret: undefined }), undefined)
  const hour = 3_600_000
  t.same(read({}), {
    secret: 'meshgate-tls',
    lives: { authorityMs: 3650 * 24 * hour, leafMs: 90 * 24 * hour, overlapMs: hour / 6 },
  })
  t.match(read({ lives: '40s,16s,4s' }), { lives: { authorityMs: 40_000, leafMs: 16_000, overlapMs: 4000 } })
  t.match(read({ lives: '365d,24h,1m' }), { lives: { authorityMs: 8760 * hour, leafMs: 24 * hour, overlapMs: 60_000 } })
})

t.test('it refuses lives in which a change of the CA would not end', async (t) => {
  for (const lives of [
    '',
    '1d',
    '1d,1h',
    '1d,1h,1m,1s',
    '10d,6d,1m',
    '10d,3m,1m',
    '10d,1h,0s',
    '10y,1d,1m',
    '10d,-1d,1m',
  ])
    t.throws(
      () => read({ lives }),
      { name: 'UsageError', message: /^--self-signed-lives takes CA,LEAF,OVERLAP/ },
      lives,
    )
})

t.test('it refuses what does not go together', async (t) => {
  t.throws(() => read({ secret: undefined, lives: '40s,16s,4s' }), { message: /needs --self-signed-secret/ })
  t.throws(() => read({ hasCert: true }), { message: /does not go with --cert/ })
  t.throws(() => read({ isInCluster: false }), { message: /needs a cluster.*POD_NAMESPACE/ })
})
