import fc from 'fast-check'
import t from 'tap'
import { hasKind, isSubsetOfKinds, kindsIn, noKinds, onlyKind, unionOfKinds } from '../../src/core/kind-set.ts'
import { type KindName, kinds } from '../../src/k8s/kinds.ts'

const names = Object.keys(kinds) as KindName[]
const subset = fc.subarray(names)
const setOf = (some: readonly KindName[]) => some.reduce((set, kind) => unionOfKinds(set, onlyKind(kind)), noKinds)

t.test('it holds any kinds, as many as there are', async (t) => {
  t.ok(names.length <= 52, 'a number has no more bits')
  fc.assert(
    fc.property(subset, subset, (left, right) => {
      const [one, other] = [setOf(left), setOf(right)]
      t.same(kindsIn(one), left)
      t.same(new Set(kindsIn(unionOfKinds(one, other))), new Set([...left, ...right]))
      t.equal(isSubsetOfKinds(one, other), new Set(left).isSubsetOf(new Set(right)))
    }),
    { numRuns: 500, seed: 53 },
  )
  for (const kind of names) t.equal(names.filter((other) => hasKind(onlyKind(kind), other)).join(), kind)
})
