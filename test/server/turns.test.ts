import t from 'tap'
import { createTurns } from '../../src/server/turns.ts'
import { until } from './until.ts'

t.test('it works at once while there is little to do', async (t) => {
  const turns = createTurns()
  const done: number[] = []
  for (let i = 0; i < 8; i++) turns.take('a', () => done.push(i))
  t.same(done, [0, 1, 2, 3, 4, 5, 6, 7])
})

t.test('it has one source wait for others, and leaves nothing undone', async (t) => {
  const turns = createTurns()
  const done: string[] = []
  for (let i = 0; i < 100; i++) turns.take('loud', () => done.push(`loud ${i}`))
  t.equal(done.length, 8)
  turns.take('quiet', () => done.push('quiet'))
  t.equal(done.at(-1), 'quiet', 'no one who asks little waits')
  await until(() => done.length === 101)
  t.same(
    done.filter((one) => one !== 'quiet'),
    Array.from({ length: 100 }, (_, i) => `loud ${i}`),
    'in the order in which it came',
  )
})
