import fc from 'fast-check'
import t from 'tap'
import { applyEdits } from '../../src/core/apply-edit.ts'
import { autofix } from '../../src/core/autofix.ts'
import type { Edit, Fix } from '../../src/core/edit.ts'
import { toJsonPatch } from '../../src/core/json-patch.ts'
import { type Json, jsonEqual, own } from '../../src/k8s/json.ts'

type Policy = { readonly rules: readonly { readonly ports: readonly number[] }[] }

/** Every rule of the policy must have port 4143: one fix for each that has not. */
function missingPorts(policy: Policy): Fix[] {
  return policy.rules.flatMap(({ ports }, i) =>
    ports.includes(4143)
      ? []
      : [{ title: 'add 4143', edits: [{ op: 'append', path: ['rules', i, 'ports'], value: 4143 } as const] }],
  )
}

const set = (path: readonly string[], value: Json): Fix => ({ title: 'set', edits: [{ op: 'set', path, value }] })

/** Two fixes while the list is empty; either would do. */
const once = (object: { a?: number[] }): Fix[] =>
  (object.a ?? []).length > 0
    ? []
    : ['first', 'second'].map((title) => ({ title, edits: [{ op: 'append', path: ['a'], value: 1 } as const] }))
/** Never content. */
const fight = ({ on }: { on: boolean }) => [set(['on'], !on)]
/** Cures nothing. */
const growing = (): Fix[] => [{ title: 'more', edits: [{ op: 'append', path: ['a'], value: 1 }] }]

t.test('it fixes until nothing is left to fix', async (t) => {
  const policy: Policy = { rules: [{ ports: [80] }, { ports: [4143] }, { ports: [] }] }
  const fixed = autofix(policy, missingPorts)
  t.strictSame(fixed, {
    object: { rules: [{ ports: [80, 4143] }, { ports: [4143] }, { ports: [4143] }] },
    edits: [
      { op: 'append', path: ['rules', 0, 'ports'], value: 4143 },
      { op: 'append', path: ['rules', 2, 'ports'], value: 4143 },
    ],
    settled: true,
  })
  t.strictSame(policy.rules[0]?.ports, [80], 'the object itself is as it was')
  t.equal(autofix(fixed.object, missingPorts).object, fixed.object, 'a second time changes nothing')
})

t.test('it fixes many places', async (t) => {
  const policy: Policy = { rules: Array.from({ length: 60 }, (_, i) => ({ ports: [i] })) }
  const { object, edits } = autofix(policy, missingPorts)
  t.equal(edits.length, 60)
  t.same(missingPorts(object), [])
})

t.test('it makes one of two fixes for one cause', async (t) => {
  t.strictSame(autofix({}, once).object, { a: [1] })
})

t.test('it passes over a fix that does not apply or changes nothing, and makes the next', async (t) => {
  const fixes: Fix[] = [
    set(['a', 'b'], 1),
    set(['a'], 'x'),
    { title: 'back and forth', edits: [...set(['c'], 9).edits, { op: 'remove', path: ['c'] }] },
    { title: 'half of it applies', edits: [...set(['d'], 1).edits, ...set(['a', 'b'], 1).edits] },
    set(['e'], 1),
  ]
  t.strictSame(
    autofix({ a: 'x' }, () => fixes),
    { object: { a: 'x', e: 1 }, edits: set(['e'], 1).edits, settled: true },
  )
})

t.test('it changes nothing when the fixes come to no end', async (t) => {
  const object = { on: false }
  t.strictSame(autofix(object, fight), { object, edits: [], settled: false })
  t.equal(autofix(object, fight).object, object)
  t.strictSame(autofix({}, growing, 3), { object: {}, edits: [], settled: false })
})

t.test('it makes as many fixes as the limit, and no more', async (t) => {
  const policy: Policy = { rules: [{ ports: [] }, { ports: [] }] }
  t.equal(autofix(policy, missingPorts, 2).settled, true)
  t.equal(autofix(policy, missingPorts, 1).settled, false)
  t.equal(autofix(policy, () => [], 0).settled, true)
})

t.test('it lets a fault of the analysis through', async (t) => {
  t.throws(
    () =>
      autofix({}, () => {
        throw new TypeError('broken')
      }),
    TypeError,
  )
})

t.test('it changes nothing the second time, whatever the rules are', async (t) => {
  // A rule: while this key has this value, or is missing, that edit is wanted. Rules may fight.
  const numRuns = 3000
  const key = fc.constantFrom('a', 'b', 'c')
  const leaf = fc.constantFrom<(number | null)[]>(0, 1, 2, null)
  const edit: fc.Arbitrary<Edit> = fc.oneof(
    fc.record({ op: fc.constant('set' as const), path: fc.tuple(key), value: leaf }),
    fc.record({ op: fc.constant('append' as const), path: fc.tuple(key), value: leaf }),
    fc.record({ op: fc.constant('remove' as const), path: fc.tuple(key) }),
  )
  const rule = fc.record({ key, when: fc.option(leaf, { nil: undefined }), edits: fc.array(edit, { maxLength: 2 }) })
  const counts = { fixed: 0, unsettled: 0, nothing: 0 }
  fc.assert(
    fc.property(fc.dictionary(key, leaf), fc.array(rule, { maxLength: 5 }), (object, rules) => {
      const fixesOf = (current: Readonly<Record<string, unknown>>): Fix[] =>
        rules.filter((one) => own(current, one.key) === one.when).map(({ edits }) => ({ title: 'rule', edits }))
      const first = autofix<Readonly<Record<string, unknown>>>(object, fixesOf, 20)
      const second = autofix(first.object, fixesOf, 20)
      counts[!first.settled ? 'unsettled' : first.edits.length > 0 ? 'fixed' : 'nothing']++
      return (
        jsonEqual(second.object, first.object) &&
        second.edits.length === 0 &&
        jsonEqual(applyEdits(object, first.edits), first.object) &&
        (first.settled || first.object === object) &&
        toJsonPatch(first.object, second.edits).length === 0
      )
    }),
    { numRuns, seed: 7 },
  )
  t.comment(`${numRuns} cases`, counts)
  t.ok(counts.fixed > 100)
  t.ok(counts.unsettled > 50)
})
