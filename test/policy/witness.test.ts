import t from 'tap'
import { boxOf, contains } from '../../src/policy/box.ts'
import { nobody, podKey } from '../../src/policy/policy.ts'
import { witnessOf } from '../../src/policy/witness.ts'

t.test('it finds labels that a selector selects', async (t) => {
  const term = (key: string, operator: string, values?: string[]) => ({ key, operator, ...(values ? { values } : {}) })
  const table: readonly (readonly [object, object])[] = [
    [{}, {}],
    [{ matchLabels: { app: 'x' } }, { app: 'x' }],
    [{ matchExpressions: [term('app', 'In', ['y', 'x'])] }, { app: 'y' }],
    [{ matchExpressions: [term('app', 'NotIn', ['x'])] }, {}],
    [{ matchExpressions: [term('app', 'Exists')] }, { app: 'x' }],
    [{ matchExpressions: [term('app', 'DoesNotExist')] }, {}],
    [{ matchExpressions: [term('app', 'Exists'), term('app', 'NotIn', ['x', 'yy'])] }, { app: 'xxx' }],
  ]
  for (const [selector, labels] of table) {
    const box = boxOf(selector, podKey) ?? nobody
    const witness = witnessOf(box, podKey)
    t.same(witness, labels, JSON.stringify(selector))
    t.ok(contains(box, witness ?? {}, podKey))
  }
  t.equal(witnessOf(nobody, podKey), undefined)
})
