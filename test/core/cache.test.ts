import t from 'tap'
import { createCache, rememberLast } from '../../src/core/cache.ts'

t.test('it computes once under a key, and afresh when it is full', async (t) => {
  const cache = createCache<number>()
  let computed = 0
  const compute = () => ++computed
  t.same([cache('a', compute), cache('a', compute), cache('b', compute)], [1, 1, 2])
  for (let i = 0; i < 10_000; i++) cache(`more ${i}`, () => 0)
  t.equal(cache('a', compute), 3)
})

t.test('it remembers the last answer, about the very same things alone', async (t) => {
  const last = rememberLast<number>()
  let computed = 0
  const compute = () => ++computed
  const [one, other] = [{}, {}]
  t.same([last([one, 1], compute), last([one, 1], compute)], [1, 1])
  t.equal(last([other, 1], compute), 2, 'an equal thing is another one')
  t.equal(last([other], compute), 3, 'and so are fewer')
  t.equal(last([one, 1], compute), 4, 'only the last is remembered')
})
