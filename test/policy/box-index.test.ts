import fc from 'fast-check'
import t from 'tap'
import { contains, intersect, isEmpty, overlaps } from '../../src/policy/box.ts'
import { indexBoxes, indexLabels } from '../../src/policy/box-index.ts'
import { podKey } from '../../src/policy/policy.ts'
import { box, key, value } from './small-boxes.ts'

t.test('it finds the boxes that going through all of them finds, in their order', async (t) => {
  let found = 0
  fc.assert(
    fc.property(fc.array(box), fc.dictionary(key, value), (boxes, labels) => {
      const expected = boxes.filter((one) => contains(one, labels, podKey))
      found += expected.length
      const answer = indexBoxes(boxes, (one) => one, podKey).holding(labels)
      return answer.length === expected.length && answer.every((one, i) => one === expected[i])
    }),
    { numRuns: 2000, seed: 3 },
  )
  t.ok(found > 2000, `${found} found`)
})

t.test('it finds the boxes that some object may be in along with another box', async (t) => {
  const counts = { found: 0, apart: 0 }
  fc.assert(
    fc.property(fc.array(box), box, (boxes, asked) => {
      const expected = boxes.filter((one) => overlaps(asked, one))
      counts.found += expected.length
      counts.apart += boxes.length - expected.length
      for (const one of boxes)
        if (!expected.includes(one) && !isEmpty(intersect(asked, one))) throw new Error('they share something')
      const answer = indexBoxes(boxes, (one) => one, podKey).meeting(asked)
      return answer.length === expected.length && answer.every((one, i) => one === expected[i])
    }),
    { numRuns: 2000, seed: 5 },
  )
  t.ok(Math.min(counts.found, counts.apart) > 500, 'both happen often')
})

t.test('it finds the objects that a box holds, in their order', async (t) => {
  let found = 0
  fc.assert(
    fc.property(fc.array(fc.dictionary(key, value)), box, (objects, asked) => {
      const expected = objects.filter((one) => contains(asked, one, podKey))
      found += expected.length
      const answer = indexLabels(objects, (one) => one, podKey)(asked)
      return answer.length === expected.length && answer.every((one, i) => one === expected[i])
    }),
    { numRuns: 2000, seed: 7 },
  )
  t.ok(found > 1000, `${found} found`)
})
