import fc from 'fast-check'
import t from 'tap'
import { fitsGlob } from '../../src/core/glob.ts'

t.test('it knows stars, question marks and nothing else', async (t) => {
  const table = [
    ['shop', 'shop', true],
    ['shop', 'shops', false],
    ['shop', '', false],
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['team-*', 'team-', true],
    ['team-*', 'team-a', true],
    ['team-*', 'my-team-a', false],
    ['*-prod', 'shop-prod', true],
    ['*-prod', 'shop-prod-eu', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-c-b', false],
    ['web-?', 'web-1', true],
    ['web-?', 'web-', false],
    ['web-?', 'web-10', false],
    ['*?', '', false],
    ['web.*', 'webx', false],
    ['[ab]', 'a', false],
    ['(', '(', true],
    ['web-*', 'web-7d9f-*', true],
  ] as const
  for (const [pattern, text, fits] of table) t.equal(fitsGlob(pattern, text), fits, `${pattern} on ${text}`)
})

t.test('it fits what the regular expression fits', async (t) => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '?'), maxLength: 8 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 })
  let fits = 0
  fc.assert(
    fc.property(pattern, text, (pattern, text) => {
      const expression = pattern.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')
      const expected = new RegExp(`^${expression}$`).test(text)
      if (expected) fits++
      return fitsGlob(pattern, text) === expected
    }),
    { numRuns: 5000, seed: 1 },
  )
  t.comment(`5000 pairs, ${fits} of them fit`)
  t.ok(fits > 250 && fits < 4750, 'both answers occur')
})
