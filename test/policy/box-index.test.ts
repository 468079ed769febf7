import fc from 'fast-check'
import t from 'tap'
import { type Box, boxOf, contains, requirePattern } from '../../src/policy/box.ts'
import { indexBoxes } from '../../src/policy/box-index.ts'
import { podKey } from '../../src/policy/policy.ts'

const key = fc.constantFrom('app', 'tier', 'constructor')
const value = fc.constantFrom('x', 'y', '')
const term = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values: fc.array(value, { minLength: 1, maxLength: 2 }) }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
)
const box: fc.Arbitrary<Box> = fc
  .record({ matchExpressions: fc.array(term, { maxLength: 2 }), starts: fc.boolean() })
  .map(({ matchExpressions, starts }) => {
    const plain = boxOf({ matchExpressions }, podKey) ?? new Map()
    return starts ? requirePattern(plain, `${podKey}app`, 'starts with', 'x', true) : plain
  })

t.test('it finds the boxes that going through all of them finds, in their order', async (t) => {
  let found = 0
  fc.assert(
    fc.property(fc.array(box), fc.dictionary(key, value), (boxes, labels) => {
      const expected = boxes.filter((one) => contains(one, labels, podKey))
      found += expected.length
      const answer = indexBoxes(boxes, (one) => one, podKey)(labels)
      return answer.length === expected.length && answer.every((one, i) => one === expected[i])
    }),
    { numRuns: 2000, seed: 3 },
  )
  t.ok(found > 2000, `${found} found`)
})
