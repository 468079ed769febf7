import fc from 'fast-check'
import { type Box, boxOf, requirePattern } from '../../src/policy/box.ts'
import { podKey } from '../../src/policy/policy.ts'

/** Keys, values and boxes of labels, so few that many meet. */
export const key = fc.constantFrom('app', 'tier', 'constructor')
export const value = fc.constantFrom('x', 'y', '')
const term = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values: fc.array(value, { minLength: 1, maxLength: 2 }) }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
)
export const box: fc.Arbitrary<Box> = fc
  .record({ matchExpressions: fc.array(term, { maxLength: 2 }), starts: fc.boolean() })
  .map(({ matchExpressions, starts }) => {
    const plain = boxOf({ matchExpressions }, podKey) ?? new Map()
    return starts ? requirePattern(plain, `${podKey}app`, 'starts with', 'x', true) : plain
  })
