import t from 'tap'
import { hasKind, kindsIn, noKinds, onlyKind } from '../../src/core/kind-set.ts'
import { type KindName, kinds } from '../../src/k8s/kinds.ts'

t.test('it holds every kind there is, each by itself', async (t) => {
  const names = Object.keys(kinds) as KindName[]
  t.same(kindsIn(noKinds), [])
  t.same(kindsIn(names.reduce((set, kind) => set | onlyKind(kind), noKinds)), names)
  for (const kind of names)
    t.same(
      names.filter((other) => hasKind(onlyKind(kind), other)),
      [kind],
    )
})
