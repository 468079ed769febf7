import t from 'tap'
import { createWarming } from '../../src/server/warming.ts'

t.test('it works when something has changed, and rests ten times as long as it worked', async (t) => {
  let [now, stamp, config, done] = [0, 0, {}, 0]
  const warming = createWarming(
    () => [stamp, config],
    () => {
      done++
      now += 0.1
    },
    () => now,
  )
  warming.tick()
  t.equal(done, 1, 'at first')
  now += 5
  warming.tick()
  t.equal(done, 1, 'nothing has changed')
  stamp++
  warming.tick()
  t.equal(done, 2)
  stamp++
  now += 0.9
  warming.tick()
  t.equal(done, 2, 'it rests')
  now += 0.2
  warming.tick()
  t.equal(done, 3, 'what changed meanwhile is not forgotten')
  now += 5
  config = {}
  warming.tick()
  t.equal(done, 4, 'another thing is a change, too')
})
