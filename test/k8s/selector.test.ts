import t from 'tap'
import { type Labels, selects, selectsByMap } from '../../src/k8s/selector.ts'
import type { LabelSelector } from '../../src/k8s/spec-shapes.ts'

// As apimachinery's labels.Requirement.Matches decides. `constructor` is a valid label key that every JS object "has".
const term = (key: string, operator: string, ...values: string[]): LabelSelector => ({
  matchExpressions: [values.length > 0 ? { key, operator, values } : { key, operator }],
})
const table: readonly (readonly [LabelSelector, Labels, boolean])[] = [
  [{}, {}, true],
  [{}, { a: 'x' }, true],
  [{ matchLabels: null, matchExpressions: null }, {}, true],
  [{ matchLabels: { a: 'x' } }, { a: 'x', b: 'y' }, true],
  [{ matchLabels: { a: 'x' } }, { a: 'y' }, false],
  [{ matchLabels: { a: 'x' } }, {}, false],
  [{ matchLabels: { a: '' } }, { a: '' }, true],
  [{ matchLabels: { a: '' } }, {}, false],
  [{ matchLabels: { a: null } }, { a: '' }, true],
  [{ matchLabels: { a: 'x', b: 'y' } }, { a: 'x' }, false],
  [term('a', 'In', 'x', 'y'), { a: 'y' }, true],
  [term('a', 'In', 'x'), {}, false],
  [term('a', 'In'), { a: 'x' }, false],
  [term('a', 'NotIn', 'x'), { a: 'x' }, false],
  [term('a', 'NotIn', 'x'), { a: 'y' }, true],
  [term('a', 'NotIn', 'x'), {}, true],
  [term('a', 'Exists'), { a: '' }, true],
  [term('a', 'Exists'), { a: null }, true],
  [term('a', 'Exists'), {}, false],
  [term('a', 'DoesNotExist'), {}, true],
  [term('a', 'DoesNotExist'), { a: 'x' }, false],
  [term('a', 'Gt', '1'), { a: '2' }, false],
  [{ matchLabels: { a: 'x' }, matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['x'] }] }, { a: 'x' }, false],
  [term('constructor', 'Exists'), {}, false],
  [term('constructor', 'DoesNotExist'), {}, true],
  [term('hasOwnProperty', 'In', 'x'), { hasOwnProperty: 'x' }, true],
  [term('valueOf', 'NotIn', 'x'), {}, true],
  [{ matchLabels: { constructor: 'x' } }, {}, false],
  [{ matchLabels: { constructor: 'x' } }, { constructor: 'x' }, true],
  [JSON.parse('{"matchLabels":{"__proto__":"x"}}'), {}, false],
  [JSON.parse('{"matchLabels":{"__proto__":"x"}}'), JSON.parse('{"__proto__":"x"}'), true],
]

t.test('it selects as apimachinery does', async (t) => {
  for (const [selector, labels, expected] of table)
    t.equal(selects(selector, labels), expected, `${JSON.stringify(selector)} on ${JSON.stringify(labels)}`)
})

t.test('it selects nothing by an empty map', async (t) => {
  t.equal(selectsByMap(undefined, { a: 'x' }), false)
  t.equal(selectsByMap({}, { a: 'x' }), false)
  t.equal(selectsByMap({ a: 'x' }, { a: 'x', b: 'y' }), true)
  t.equal(selectsByMap({ a: 'x', b: 'y' }, { a: 'x' }), false)
})
