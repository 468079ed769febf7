import fc from 'fast-check'
import t from 'tap'
import { applyEdit, applyEdits } from '../../src/core/apply-edit.ts'
import { type Edit, EditError } from '../../src/core/edit.ts'
import { type Json, jsonEqual, valueAt } from '../../src/k8s/json.ts'

const table: readonly (readonly [string, Json, Edit, Json])[] = [
  ['sets a member', { a: 1 }, { op: 'set', path: ['a'], value: 2 }, { a: 2 }],
  ['sets a missing member', { a: 1 }, { op: 'set', path: ['b'], value: 2 }, { a: 1, b: 2 }],
  ['sets a member to null', { a: 1 }, { op: 'set', path: ['b'], value: null }, { a: 1, b: null }],
  ['makes missing parents', {}, { op: 'set', path: ['a', 'b', 'c'], value: 2 }, { a: { b: { c: 2 } } }],
  ['takes null for a missing parent', { a: null }, { op: 'set', path: ['a', 'b'], value: 2 }, { a: { b: 2 } }],
  ['sets an element', { a: [1, 2] }, { op: 'set', path: ['a', 1], value: 3 }, { a: [1, 3] }],
  ['sets within an element', { a: [{ b: 1 }] }, { op: 'set', path: ['a', 0, 'c'], value: 3 }, { a: [{ b: 1, c: 3 }] }],
  ['sets within a null element', { a: [null] }, { op: 'set', path: ['a', 0, 'c'], value: 3 }, { a: [{ c: 3 }] }],
  ['sets the whole', { a: 1 }, { op: 'set', path: [], value: { b: 2 } }, { b: 2 }],
  ['appends', { a: [1] }, { op: 'append', path: ['a'], value: 2 }, { a: [1, 2] }],
  ['appends what is there already', { a: [1] }, { op: 'append', path: ['a'], value: 1 }, { a: [1, 1] }],
  ['appends to a missing list', {}, { op: 'append', path: ['a', 'b'], value: 2 }, { a: { b: [2] } }],
  ['appends to a null list', { a: null }, { op: 'append', path: ['a'], value: 2 }, { a: [2] }],
  ['removes a member', { a: 1, b: 2 }, { op: 'remove', path: ['a'] }, { b: 2 }],
  ['removes an element', { a: [1, 2, 3] }, { op: 'remove', path: ['a', 1] }, { a: [1, 3] }],
  ['leaves an empty map', { a: { b: 1 } }, { op: 'remove', path: ['a', 'b'] }, { a: {} }],
]

const idle: readonly (readonly [string, Json, Edit])[] = [
  ['a value that is there', { a: { b: [1, { c: 2 }] } }, { op: 'set', path: ['a'], value: { b: [1, { c: 2 }] } }],
  ['null that is there', { a: null }, { op: 'set', path: ['a'], value: null }],
  ['removing what is missing', { a: 1 }, { op: 'remove', path: ['b'] }],
  ['removing below what is missing', { a: 1 }, { op: 'remove', path: ['b', 'c', 0] }],
  ['removing below null', { a: null }, { op: 'remove', path: ['a', 'c'] }],
  ['removing an element behind the last', { a: [1] }, { op: 'remove', path: ['a', 1] }],
  ['removing below an element behind the last', { a: [1] }, { op: 'remove', path: ['a', 1, 'b'] }],
]

const errors: readonly (readonly [string, Json, Edit, RegExp])[] = [
  ['through a text', { a: 'x' }, { op: 'set', path: ['a', 'b'], value: 1 }, /^a is no map, so it has no b$/],
  ['through a number', { a: { b: 0 } }, { op: 'append', path: ['a', 'b', 'c'], value: 1 }, /^a\.b is no map/],
  ['through false', { a: false }, { op: 'remove', path: ['a', 'b'] }, /^a is no map/],
  ['a key of a list', { a: [1] }, { op: 'set', path: ['a', '0'], value: 1 }, /^a is no map, so it has no 0$/],
  ['an element of a map', { a: { 0: 1 } }, { op: 'set', path: ['a', 0], value: 1 }, /no list element a\[0\]/],
  ['an element behind the last', { a: [1] }, { op: 'set', path: ['a', 1], value: 1 }, /no list element a\[1\]/],
  ['an element before the first', { a: [1] }, { op: 'remove', path: ['a', -1] }, /no list element/],
  ['half an element', { a: [1, 2] }, { op: 'set', path: ['a', 0.5], value: 1 }, /no list element/],
  ['an element of a missing list', {}, { op: 'set', path: ['a', 0, 'b'], value: 1 }, /no list element a\[0\]/],
  ['appending to a map', { a: {} }, { op: 'append', path: ['a'], value: 1 }, /^a is no list$/],
  ['removing everything', { a: 1 }, { op: 'remove', path: [] }, /whole object/],
  ['an object that is no map', [1], { op: 'set', path: ['a'], value: 1 }, /^the object is no map/],
]

t.test('it means one thing per operation', async (t) => {
  for (const [name, before, edit, after] of table) {
    const copy = structuredClone(before)
    t.strictSame(applyEdit(before, edit), after, name)
    t.strictSame(before, copy, `${name}: the object itself is as it was`)
  }
})

t.test('it returns the very same object when nothing changes', async (t) => {
  for (const [name, object, edit] of idle) t.equal(applyEdit(object, edit), object, name)
})

t.test('it refuses a path that leads nowhere', async (t) => {
  for (const [name, object, edit, message] of errors) {
    t.throws(() => applyEdit(object, edit), { name: 'EditError', message }, name)
    t.throws(() => applyEdit(object, edit), EditError)
  }
})

t.test('it takes the keys of prototypes for keys', async (t) => {
  for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
    const set = applyEdit({ a: 1 }, { op: 'set', path: [key, 'polluted'], value: 'yes' })
    t.equal(JSON.stringify(set), `{"a":1,"${key}":{"polluted":"yes"}}`, `sets ${key}`)
    t.equal(Object.getPrototypeOf(set), Object.prototype)
    t.equal(
      JSON.stringify(applyEdit(set, { op: 'set', path: [key, 'b'], value: 1 })),
      `{"a":1,"${key}":{"polluted":"yes","b":1}}`,
    )
    t.equal(JSON.stringify(applyEdit(set, { op: 'set', path: ['a'], value: 2 })), `{"a":2,"${key}":{"polluted":"yes"}}`)
    t.equal(JSON.stringify(applyEdit(set, { op: 'remove', path: [key] })), '{"a":1}', `removes ${key}`)
    const untouched = { a: 1 }
    t.equal(applyEdit(untouched, { op: 'remove', path: [key, 'x'] }), untouched, `does not inherit ${key}`)
    t.equal(JSON.stringify(applyEdit({}, { op: 'append', path: [key], value: 1 })), `{"${key}":[1]}`)
  }
  t.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
})

t.test('it shares what it does not touch', async (t) => {
  const object = { spec: { big: [1, 2, 3] }, metadata: { name: 'a' } }
  const after = applyEdit(object, { op: 'set', path: ['metadata', 'name'], value: 'b' })
  t.equal(valueAt(after, ['spec']), object.spec)
})

t.test('it works on an object as deep as the API server takes', async (t) => {
  let deep: Json = 1
  for (let i = 0; i < 9999; i++) deep = { a: deep }
  const after = applyEdit({ deep, b: 1 }, { op: 'set', path: ['b'], value: 2 })
  t.equal(valueAt(after, ['deep']), deep)
  t.ok(jsonEqual(applyEdit({ deep }, { op: 'set', path: ['deep'], value: structuredCloneOf(deep) }), { deep }))
})

/** structuredClone would overflow. */
function structuredCloneOf(value: Json): Json {
  let depth = 0
  for (let node: unknown = value; typeof node === 'object'; node = valueAt(node, ['a'])) depth++
  let copy: Json = 1
  for (let i = 0; i < depth; i++) copy = { a: copy }
  return copy
}

t.test('it reads a later path in what the earlier edits left', async (t) => {
  t.strictSame(
    applyEdits({ a: [1, 2] }, [
      { op: 'remove', path: ['a', 0] },
      { op: 'set', path: ['a', 0], value: 3 },
      { op: 'append', path: ['a'], value: 4 },
    ]),
    { a: [3, 4] },
  )
})

t.test('it does what it says, and nothing else', async (t) => {
  const numRuns = 5000
  const key = fc.constantFrom('a', 'b', 'constructor', '__proto__', '')
  const { value } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<Json[]>(null, 1, 'x', true),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 3 }).map((entries): Json => Object.fromEntries(entries)),
      fc.array(tie('value'), { maxLength: 3 }),
    ),
  }))
  let applied = 0
  fc.assert(
    fc.property(
      fc.dictionary(key, value, { maxKeys: 4 }),
      fc.array(fc.oneof({ weight: 3, arbitrary: key }, { weight: 1, arbitrary: fc.nat(2) }), {
        minLength: 1,
        maxLength: 4,
      }),
      value,
      fc.constantFrom<Edit['op'][]>('set', 'append', 'remove'),
      (object, path, leaf, op) => {
        const edit: Edit = op === 'remove' ? { op, path } : { op, path, value: leaf }
        const copy = structuredClone(object)
        let after: unknown
        try {
          after = applyEdit(deepFreeze(object), edit)
        } catch (error) {
          return error instanceof EditError
        }
        applied++
        const [was, is] = [valueAt(object, path), valueAt(after, path)]
        const done =
          op === 'set'
            ? jsonEqual(is, leaf)
            : op === 'append'
              ? Array.isArray(is) && jsonEqual(is, [...(Array.isArray(was) ? was : []), leaf])
              : typeof path.at(-1) === 'number' || is === undefined
        const others = [copy, after].map((whole) =>
          Object.entries(whole as object).filter(([name]) => name !== path[0]),
        )
        return done && jsonEqual(object, copy) && jsonEqual(others[0], others[1])
      },
    ),
    { numRuns, seed: 7 },
  )
  t.comment(`${numRuns} cases, ${applied} of them applied`)
  t.ok(applied > numRuns / 4)
})

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member)
    Object.freeze(value)
  }
  return value
}
