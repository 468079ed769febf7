import fc from 'fast-check'
import t from 'tap'
import { type Labels, selects } from '../../src/k8s/selector.ts'
import type { LabelSelector } from '../../src/k8s/spec-shapes.ts'
import {
  type Box,
  boxOf,
  contains,
  exclude,
  formatBox,
  intersect,
  isEmpty,
  mayContain,
  movePrefix,
  pin,
  requirePresence,
  uncovered,
} from '../../src/policy/box.ts'

const keys = ['app', 'constructor', '__proto__', 'hasOwnProperty'] as const
const values = ['x', 'y', ''] as const
/** A value that no selector names stands for all of those. */
const other = 'other'

/** Every Pod there can be, as far as selectors over these keys can tell: 5 to the number of keys. */
function universeOf(names: readonly string[]): Labels[] {
  return names.reduce<Labels[]>(
    (all, name) =>
      all.flatMap((labels) =>
        [undefined, ...values, other].map((value) =>
          value === undefined ? labels : Object.fromEntries([...Object.entries(labels), [name, value]]),
        ),
      ),
    [{}],
  )
}

const key = fc.constantFrom(...keys)
const term = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
)
// One in many is a term that the API refuses.
const refused = fc.constantFrom(
  { key: 'app', operator: 'In', values: [] },
  { key: 'app', operator: 'NotIn' },
  { key: 'app', operator: 'Exists', values: ['x'] },
  { key: 'app', operator: 'Gt', values: ['1'] },
)
const selector: fc.Arbitrary<LabelSelector> = fc.record(
  {
    matchLabels: fc
      .array(fc.tuple(key, fc.constantFrom(...values)), { maxLength: 2 })
      .map((pairs) => Object.fromEntries(pairs)),
    matchExpressions: fc.array(fc.oneof({ weight: 30, arbitrary: term }, { weight: 1, arbitrary: refused }), {
      maxLength: 3,
    }),
  },
  { requiredKeys: [] },
)

/** A box for every selector that the API takes. */
const box = selector.map((one) => boxOf(one, 'pod/')).filter((one) => one !== undefined)

const universe = universeOf(keys)
const few = universeOf(['app', 'constructor', '__proto__'])

t.test('it holds what its selector selects', async (t) => {
  const numRuns = 3000
  fc.assert(
    fc.property(selector, (one) => {
      const made = boxOf(one, 'pod/')
      return universe.every((labels) => selects(one, labels) === (made !== undefined && contains(made, labels, 'pod/')))
    }),
    { numRuns, seed: 17 },
  )
  t.comment(`${numRuns} cases × ${universe.length} Pods`)
})

t.test('it has no box for a term that the API refuses', async (t) => {
  for (const matchExpressions of [
    [{ key: 'app', operator: 'In', values: [] }],
    [{ key: 'app', operator: 'In', values: null }],
    [{ key: 'app', operator: 'NotIn' }],
    [{ key: 'app', operator: 'Exists', values: ['x'] }],
    [{ key: 'app', operator: 'exists' }],
    [{ key: 'app', operator: null }],
    [null],
  ])
    t.equal(boxOf({ matchExpressions }, ''), undefined, JSON.stringify(matchExpressions))
  t.same(boxOf(null, ''), new Map(), 'but one for no selector at all: everything')
})

t.test('it intersects, narrows and moves as sets do', async (t) => {
  const numRuns = 3000
  fc.assert(
    fc.property(box, box, key, fc.constantFrom(...values), (one, two, name, value) => {
      const has = (labels: Labels) => Object.hasOwn(labels, name)
      const is = (labels: Labels) => has(labels) && labels[name] === value
      const full = `pod/${name}`
      const cases: readonly (readonly [Box, (labels: Labels) => boolean])[] = [
        [intersect(one, two), (labels) => contains(two, labels, 'pod/')],
        [pin(one, full, value), is],
        [requirePresence(one, full), has],
        [exclude(one, full, new Set([value])), (labels) => !is(labels)],
      ]
      return few.every((labels) => {
        const inside = contains(one, labels, 'pod/')
        return (
          cases.every(([made, also]) => contains(made, labels, 'pod/') === (inside && also(labels))) &&
          contains(movePrefix(one, 'pod/', 'target/'), labels, 'target/') === inside
        )
      })
    }),
    { numRuns, seed: 19 },
  )
  t.comment(`${numRuns} cases × ${few.length} Pods`)
})

t.test('it finds out exactly whether boxes cover a box, and by a witness that is in none', async (t) => {
  const numRuns = 25_000
  const counts = { covered: 0, uncovered: 0, empty: 0 }
  // Over three keys brute force is quick: 125 Pods a case.
  const small = box.filter((one) => !one.has('pod/hasOwnProperty'))
  fc.assert(
    fc.property(small, fc.array(small, { maxLength: 5 }), (whole, others) => {
      const isLeft = (labels: Labels) =>
        contains(whole, labels, 'pod/') && !others.some((one) => contains(one, labels, 'pod/'))
      const left = uncovered(whole, others)
      if (left === 'unknown') throw new Error('gave up on a small case')
      const expected = few.some(isLeft)
      if (isEmpty(whole)) counts.empty++
      counts[expected ? 'uncovered' : 'covered']++
      if (left === undefined) return !expected
      // Everything in the witness is left, and it holds something.
      const witnesses = few.filter((labels) => contains(left, labels, 'pod/'))
      return !isEmpty(left) && witnesses.length > 0 && witnesses.every(isLeft)
    }),
    { numRuns, seed: 23 },
  )
  t.comment(`${numRuns} cases`, counts)
  t.ok(Math.min(counts.covered - counts.empty, counts.uncovered) > 5000, 'both happen often')
})

t.test('it covers no less with one more box, and nothing by order', async (t) => {
  const numRuns = 5000
  fc.assert(
    fc.property(box, fc.array(box, { maxLength: 4 }), box, (whole, others, more) => {
      const before = uncovered(whole, others) === undefined
      const after = uncovered(whole, [...others, more]) === undefined
      const reversed = uncovered(whole, others.toReversed()) === undefined
      return (!before || after) && before === reversed
    }),
    { numRuns, seed: 29 },
  )
  t.comment(`${numRuns} cases`)
})

t.test('it gives up where the answer would take too long, and says so', async (t) => {
  const twoLabels = (i: number): Box => boxOf({ matchLabels: { [`a${i}`]: 'x', [`b${i}`]: 'x' } }, '') ?? new Map()
  // A Pod is outside n of them in 2ⁿ ways, each of which the last box covers.
  const hard = (count: number) => [...Array.from({ length: count }, (_, i) => twoLabels(i)), new Map()]
  t.equal(uncovered(new Map(), hard(8)), undefined)
  t.equal(uncovered(new Map(), hard(20)), 'unknown')
})

t.test('it may hold what a value that is not filled in yet decides', async (t) => {
  const labels = { app: '${APP}', tier: 'web' }
  const table: readonly (readonly [LabelSelector, Labels, boolean])[] = [
    [{ matchLabels: { app: 'x' } }, labels, true],
    [{ matchLabels: { app: 'x', tier: 'db' } }, labels, false],
    [{ matchLabels: { app: '${OTHER}' } }, { app: 'x' }, true],
    [{ matchLabels: { '${KEY}': 'x' } }, {}, true],
    [{ matchLabels: { app: 'x' } }, { app: 'y' }, false],
    [{ matchLabels: { app: 'x' } }, { app: 'x' }, true],
  ]
  for (const [one, object, expected] of table)
    t.equal(mayContain(boxOf(one, 'pod/') ?? new Map(), object, 'pod/'), expected, JSON.stringify([one, object]))
})

t.test('it is written as people write selectors', async (t) => {
  const table: readonly (readonly [LabelSelector, string])[] = [
    [{}, ''],
    [{ matchLabels: { app: 'web' } }, 'app=web'],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['x', 'y'] }] }, 'app in (x, y)'],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['x', 'y'] }] }, 'app other than x, y'],
    [{ matchExpressions: [{ key: 'app', operator: 'Exists' }] }, 'a label app'],
    [{ matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] }, 'no label app'],
    [{ matchLabels: { app: 'web', tier: 'db' } }, 'app=web and tier=db'],
  ]
  for (const [one, expected] of table) t.equal(formatBox(boxOf(one, 'pod/') ?? new Map(), 'pod/'), expected)
  t.equal(
    formatBox(boxOf({ matchLabels: { app: 'web', tier: 'db' } }, 'pod/') ?? new Map(), 'pod/', ['app']),
    'tier=db',
  )
  t.equal(
    formatBox(boxOf({ matchLabels: { app: 'web' } }, 'ns/') ?? new Map(), 'pod/'),
    '',
    'keys of another prefix are not its',
  )
})
