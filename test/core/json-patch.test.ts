import fc from 'fast-check'
import t from 'tap'
import { applyEdits } from '../../src/core/apply-edit.ts'
import { type Edit, EditError } from '../../src/core/edit.ts'
import { type PatchOperation, toJsonPatch } from '../../src/core/json-patch.ts'
import { isObject, type Json, jsonEqual } from '../../src/k8s/json.ts'
import { patched } from './patched.ts'

const annotation = ['metadata', 'annotations', 'config.linkerd.io/opaque-ports']
const table: readonly (readonly [string, Json, readonly Edit[], readonly PatchOperation[]])[] = [
  ['nothing for nothing', { a: 1 }, [], []],
  [
    'the highest missing parent whole',
    { metadata: { name: 'a' } },
    [{ op: 'set', path: annotation, value: '4222' }],
    [{ op: 'add', path: '/metadata/annotations', value: { 'config.linkerd.io/opaque-ports': '4222' } }],
  ],
  [
    'a null parent replaced',
    { metadata: { annotations: null } },
    [{ op: 'set', path: annotation, value: '4222' }],
    [{ op: 'replace', path: '/metadata/annotations', value: { 'config.linkerd.io/opaque-ports': '4222' } }],
  ],
  [
    'an escaped slash',
    { metadata: { annotations: {} } },
    [{ op: 'set', path: annotation, value: '4222' }],
    [{ op: 'add', path: '/metadata/annotations/config.linkerd.io~1opaque-ports', value: '4222' }],
  ],
  [
    'an escaped tilde',
    { 'a~1/b': 1 },
    [{ op: 'set', path: ['a~1/b'], value: 2 }],
    [{ op: 'replace', path: '/a~01~1b', value: 2 }],
  ],
  ['an empty key', { '': 1 }, [{ op: 'set', path: [''], value: 2 }], [{ op: 'replace', path: '/', value: 2 }]],
  [
    'an element at the end',
    { a: [{ b: [1] }] },
    [{ op: 'append', path: ['a', 0, 'b'], value: 2 }],
    [{ op: 'add', path: '/a/0/b/-', value: 2 }],
  ],
  ['an empty list', { a: [] }, [{ op: 'append', path: ['a'], value: 2 }], [{ op: 'add', path: '/a/-', value: 2 }]],
  ['a missing list', {}, [{ op: 'append', path: ['a'], value: 2 }], [{ op: 'add', path: '/a', value: [2] }]],
  ['a null list', { a: null }, [{ op: 'append', path: ['a'], value: 2 }], [{ op: 'replace', path: '/a', value: [2] }]],
  [
    'a null element on the way',
    { a: [null] },
    [{ op: 'set', path: ['a', 0, 'b', 'c'], value: 2 }],
    [{ op: 'replace', path: '/a/0', value: { b: { c: 2 } } }],
  ],
  [
    'a null set to a value',
    { a: null },
    [{ op: 'set', path: ['a'], value: 1 }],
    [{ op: 'replace', path: '/a', value: 1 }],
  ],
  ['the whole', { a: 1 }, [{ op: 'set', path: [], value: {} }], [{ op: 'replace', path: '', value: {} }]],
  ['a member removed', { a: { b: 1 } }, [{ op: 'remove', path: ['a', 'b'] }], [{ op: 'remove', path: '/a/b' }]],
  ['nothing for what is missing', { a: {} }, [{ op: 'remove', path: ['a', 'b'] }], []],
  ['nothing for what is there', { a: { b: [1] } }, [{ op: 'set', path: ['a', 'b'], value: [1] }], []],
  [
    'one operation after the other',
    { metadata: {} },
    [
      { op: 'set', path: ['metadata', 'annotations', 'a'], value: '1' },
      { op: 'set', path: ['metadata', 'annotations', 'b'], value: '2' },
      { op: 'append', path: ['spec', 'ports'], value: 1 },
      { op: 'append', path: ['spec', 'ports'], value: 2 },
    ],
    [
      { op: 'add', path: '/metadata/annotations', value: { a: '1' } },
      { op: 'add', path: '/metadata/annotations/b', value: '2' },
      { op: 'add', path: '/spec', value: { ports: [1] } },
      { op: 'add', path: '/spec/ports/-', value: 2 },
    ],
  ],
]

t.test('it writes the operations that an API server takes', async (t) => {
  for (const [name, object, edits, operations] of table) {
    t.strictSame(toJsonPatch(object, edits), operations, name)
    t.ok(jsonEqual(patched(object, operations), applyEdits(object, edits)), `${name}: as the definition says`)
  }
})

t.test('it does not write a patch for an edit that does not apply', async (t) => {
  t.throws(() => toJsonPatch({ a: 1 }, [{ op: 'set', path: ['a', 'b'], value: 1 }]), EditError)
})

t.test('it takes the keys of prototypes for keys', async (t) => {
  const object = JSON.parse('{"data":{"__proto__":{"a":1}}}') as Json
  t.strictSame(toJsonPatch(object, [{ op: 'set', path: ['data', '__proto__', 'b'], value: 1 }]), [
    { op: 'add', path: '/data/__proto__/b', value: 1 },
  ])
  const fresh = toJsonPatch({ data: {} }, [{ op: 'set', path: ['data', '__proto__', 'b'], value: 1 }])
  t.equal(JSON.stringify(fresh), '[{"op":"add","path":"/data/__proto__","value":{"b":1}}]')
  const twice = toJsonPatch({}, [{ op: 'append', path: ['constructor', '__proto__'], value: 1 }])
  t.equal(JSON.stringify(twice), '[{"op":"add","path":"/constructor","value":{"__proto__":[1]}}]')
})

t.test('it never repeats what the object holds', async (t) => {
  // Numbers beyond 2^53 are read wrongly by JavaScript; in the stored object they must stay as they were.
  const object = JSON.parse(
    '{"metadata":{"generation":9007199254740993,"labels":{"a":"b"}},"spec":{"ports":[{"port":80}]}}',
  )
  const operations = toJsonPatch(object, [
    { op: 'set', path: annotation, value: '4222' },
    { op: 'set', path: ['metadata', 'labels', 'c'], value: 'd' },
    { op: 'append', path: ['spec', 'ports'], value: { port: 4143 } },
  ])
  t.notMatch(JSON.stringify(operations), /9007199254740|"a":"b"|80/)
})

const key = fc.constantFrom('a', 'b/c', 'd~e', '~1', '', '0', '-', 'x y')
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<Json[]>(null, null, 0, 'x', false),
    fc.dictionary(key, tie('value'), { maxKeys: 3 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}))
const path = fc.array(fc.oneof({ weight: 3, arbitrary: key }, { weight: 1, arbitrary: fc.nat(2) }), {
  minLength: 1,
  maxLength: 4,
})
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ op: fc.constantFrom('set' as const, 'append' as const), path, value }),
  fc.record({ op: fc.constant('remove' as const), path }),
)

t.test('it makes of every object what the definition says', async (t) => {
  const numRuns = 10_000
  let applied = 0
  let changed = 0
  fc.assert(
    fc.property(
      fc.dictionary(key, value, { maxKeys: 4 }),
      fc.array(edit, { minLength: 1, maxLength: 6 }),
      (object, wishes) => {
        const edits: Edit[] = []
        for (const wish of wishes)
          try {
            applyEdits(object, [...edits, wish])
            edits.push(wish)
          } catch (error) {
            if (!(error instanceof EditError)) throw error
          }
        applied += edits.length
        const expected = applyEdits(object, edits)
        const operations = toJsonPatch(object, edits)
        changed += operations.length
        if (operations.length > edits.length) return false
        if (!jsonEqual(patched(object, operations), expected)) return false
        // A second run gives no patch; an append is never idle, so only the others.
        const last = edits.at(-1)
        return last === undefined || last.op !== 'set' || toJsonPatch(expected, [last]).length === 0
      },
    ),
    { numRuns, seed: 7 },
  )
  t.comment(`${numRuns} objects, ${applied} edits, ${changed} operations`)
  t.ok(changed > numRuns / 2)
})

t.test('it carries no more than the edits', async (t) => {
  // The object's leaves are numbers from 100, the edits' are below: none of the former may be in a patch.
  const tree = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.oneof(fc.integer({ min: 100, max: 150 }), fc.constant(null)),
      fc.dictionary(key, tie('value'), { maxKeys: 3 }),
      fc.array(tie('value'), { maxLength: 3 }),
    ),
  })).value
  const small = fc.record({
    op: fc.constantFrom('set' as const, 'append' as const),
    path,
    value: fc.integer({ min: 0, max: 50 }),
  })
  fc.assert(
    fc.property(tree, fc.array(small, { minLength: 1, maxLength: 4 }), (object, edits) => {
      try {
        return toJsonPatch(object, edits).every(
          (one) => one.op === 'remove' || leavesOf(one.value).every((n) => Number(n) < 100),
        )
      } catch (error) {
        return error instanceof EditError
      }
    }),
    { numRuns: 3000, seed: 7 },
  )
  t.comment('3000 cases')
  t.pass()
})

function leavesOf(node: unknown): unknown[] {
  return isObject(node) || Array.isArray(node) ? Object.values(node).flatMap(leavesOf) : [node]
}
