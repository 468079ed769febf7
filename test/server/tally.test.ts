import t from 'tap'
import { createTally } from '../../src/server/tally.ts'

t.test('it counts by its labels, and tells what is new', async (t) => {
  const tally = createTally()
  tally.count('CREATE', 'Pod')
  tally.count('CREATE', 'Pod')
  tally.count('CREATE', 'Service')
  tally.count('DELETE', 'Pod')
  t.same(
    [...tally.news()],
    [
      { values: ['CREATE', 'Pod'], count: 2 },
      { values: ['CREATE', 'Service'], count: 1 },
      { values: ['DELETE', 'Pod'], count: 1 },
    ],
  )
  t.same([...tally.news()], [])
  tally.count('CREATE', 'Service')
  t.same([...tally.news()], [{ values: ['CREATE', 'Service'], count: 1 }])
})

t.test('it keeps values apart, whatever they are', async (t) => {
  const tally = createTally()
  for (const values of [['a b'], ['a', 'b'], ['__proto__', 'constructor'], []]) tally.count(...values)
  t.equal([...tally.news()].length, 4)
})
