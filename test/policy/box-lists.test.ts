import fc from 'fast-check'
import t from 'tap'
import type { Box } from '../../src/policy/box.ts'
import { indexBoxes } from '../../src/policy/box-index.ts'
import { listByBox } from '../../src/policy/box-lists.ts'
import { podKey } from '../../src/policy/policy.ts'
import { box, key, value } from './small-boxes.ts'

t.test('what is made from a base is what is made afresh, and one list stands for the same boxes', async (t) => {
  const counts = { kept: 0, amended: 0, afresh: 0 }
  const place = (minLength: number, maxLength: number) =>
    fc.array(fc.tuple(fc.nat(8), box), { minLength, maxLength, size: 'max' })
  const change = fc.record({
    before: fc.array(box, { maxLength: 8 }),
    keeps: fc.infiniteStream(fc.boolean()),
    places: fc.oneof(place(0, 3), place(14, 20)),
    questions: fc.array(fc.tuple(fc.dictionary(key, value), box), { minLength: 1, maxLength: 4 }),
  })
  fc.assert(
    fc.property(change, ({ before, keeps, places, questions }) => {
      const base = listByBox(before, (one) => one, podKey)
      const after = before.filter(() => keeps.next().value)
      for (const [place, one] of places) after.splice(place, 0, one)
      const amended = listByBox(after, (one) => one, podKey, base)
      const fresh = indexBoxes(after, (one) => one, podKey)
      if (places.length > 16) counts.afresh++
      const met = new Map<string, readonly Box[]>()
      const isRight = (known: readonly Box[], found: readonly Box[], expected: readonly Box[]) => {
        counts[found === known ? 'kept' : 'amended']++
        const same = expected.map((one) => after.indexOf(one)).join()
        const first = met.get(same) ?? found
        met.set(same, first)
        return found === first && found.length === expected.length && found.every((one, i) => one === expected[i])
      }
      return questions.every(
        ([labels, asked]) =>
          isRight(base.holding(labels), amended.holding(labels), fresh.holding(labels)) &&
          isRight(base.meeting(asked), amended.meeting(asked), fresh.meeting(asked)),
      )
    }),
    { numRuns: 2000, seed: 11 },
  )
  t.ok(Math.min(...Object.values(counts)) > 100, JSON.stringify(counts))
})
