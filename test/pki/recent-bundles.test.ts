import t from 'tap'
import { createRecentBundles } from '../../src/pki/recent-bundles.ts'

t.test('it goes by a bundle that was replaced for some seconds more', async (t) => {
  const recent = createRecentBundles()
  t.same(recent.among([], 0), [])
  t.same(recent.among(['a'], 1000), ['a'], 'the first replaces nothing')
  t.same(recent.among(['a+b'], 2000), ['a+b', 'a'])
  t.same(recent.among(['a+b', 'b'], 3000), ['a+b', 'b', 'a'])
  t.same(recent.among(['b'], 6999), ['b', 'a', 'a+b'])
  t.same(recent.among(['b'], 7000), ['b', 'a+b'])
  t.same(recent.among(['b'], 11_998), ['b', 'a+b'])
  t.same(recent.among(['b'], 11_999), ['b'])
})
