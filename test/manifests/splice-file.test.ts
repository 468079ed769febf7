import t from 'tap'
import type { Edit } from '../../src/core/edit.ts'
import { readDocuments } from '../../src/manifests/read-document.ts'
import { spliceFile } from '../../src/manifests/splice-file.ts'

const documentsOf = (text: string) => readDocuments('a.yaml', text).map(({ document }) => document)
const set = (key: string, value: number): Edit => ({ op: 'set', path: [key], value })

t.test('it changes several documents of a file and keeps the rest', async (t) => {
  const text = '\uFEFF# top\r\na: 1\r\n---\r\nb: [\r\n--- # third\r\n{c: 1}\r\n---\r\nd: 1'
  const [first, , third, fourth] = documentsOf(text)
  if (!first || !third || !fourth) throw new Error('documents are missing')
  const changes = [
    { document: third, prefix: [], edits: [set('x', 3)] },
    { document: first, prefix: [], edits: [set('x', 1)] },
    { document: fourth, prefix: [], edits: [set('x', 4)] },
    { document: first, prefix: [], edits: [set('z', 2)] },
  ]
  t.same(spliceFile(text, changes), {
    text: '\uFEFF# top\r\na: 1\r\nx: 1\r\nz: 2\r\n---\r\nb: [\r\n--- # third\r\n{c: 1, x: 3}\r\n---\r\nd: 1\r\nx: 4',
    refused: [],
  })
})

t.test('it changes JSON objects in a row', async (t) => {
  const text = '{"a": 1}\n{"b": 1}\n'
  const changes = documentsOf(text).map((document) => ({ document, prefix: [], edits: [set('x', 1)] }))
  t.same(spliceFile(text, changes).text, '{"a": 1, "x": 1}\n{"b": 1, "x": 1}\n')
})

t.test('it says what it cannot change, and makes the other changes', async (t) => {
  const text = 'items:\n- &x {k: 1}\n- *x\n- {k: 1}\n---\na: 1\n'
  const [list, other] = documentsOf(text)
  if (!list || !other) throw new Error('documents are missing')
  const changes = [
    { document: list, prefix: ['items', 0], edits: [set('q', 1)], title: 'shared' },
    { document: list, prefix: ['items', 2], edits: [set('q', 1)], title: 'alone' },
    { document: other, prefix: [], edits: [set('q', 1)], title: 'other' },
  ]
  const { text: after, refused } = spliceFile(text, changes)
  t.equal(after, 'items:\n- &x {k: 1}\n- *x\n- {k: 1, q: 1}\n---\na: 1\nq: 1\n')
  t.match(refused, [{ change: { title: 'shared' }, reason: /^q cannot be changed/ }])
  t.equal(refused.length, 1)
})

t.test('it returns the same text when there is nothing to change', async (t) => {
  const text = 'a: 1\n---\nb: 1\n'
  t.same(spliceFile(text, []), { text, refused: [] })
  t.same(
    spliceFile(
      text,
      documentsOf(text).map((document) => ({ document, prefix: [], edits: [] })),
    ),
    { text, refused: [] },
  )
})

t.test('it changes hundreds of items of one list, and says which it cannot', async (t) => {
  const items = Array.from({ length: 300 }, (_, i) => `- {k: ${i}}\n`)
  items[100] = '- &x {k: 100}\n'
  items[200] = '- *x\n'
  const text = `items:\n${items.join('')}`
  const [list] = documentsOf(text)
  if (!list) throw new Error('the document is missing')
  const changes = items.map((_, i) => ({ document: list, prefix: ['items', i], edits: [set('q', i)] }))
  const { text: after, refused } = spliceFile(text, changes)
  const untouched = new Set([100, 200])
  t.equal(
    after,
    `items:\n${items.map((item, i) => (untouched.has(i) ? item : item.replace('}', `, q: ${i}}`))).join('')}`,
  )
  t.same(
    refused.map(({ change }) => change.prefix[1]),
    [...untouched],
  )
})

t.test('it changes all of thousands of items', async (t) => {
  const items = Array.from({ length: 3000 }, (_, i) => `- {k: ${i}}\n`)
  const text = `items:\n${items.join('')}`
  const [list] = documentsOf(text)
  if (!list) throw new Error('the document is missing')
  const changes = items.map((_, i) => ({ document: list, prefix: ['items', i], edits: [set('q', i)] }))
  t.same(spliceFile(text, changes), {
    text: `items:\n${items.map((item, i) => item.replace('}', `, q: ${i}}`)).join('')}`,
    refused: [],
  })
})

t.test('it changes items that stand on one line, empty ones and ones that are changed twice', async (t) => {
  const text = '{"items": [{}, {"a": 1},{"b": []}, {"b":[1]}, {"c": {}}]}\n'
  const [list] = documentsOf(text)
  if (!list) throw new Error('the document is missing')
  const append = (value: number): Edit => ({ op: 'append', path: ['b'], value })
  const changes = [
    { document: list, prefix: ['items', 0], edits: [set('x', 0)] },
    { document: list, prefix: ['items', 3], edits: [append(2), append(3)] },
    { document: list, prefix: ['items', 1], edits: [{ op: 'remove', path: ['a'] } satisfies Edit] },
    { document: list, prefix: ['items', 2], edits: [append(1)] },
    { document: list, prefix: ['items', 4], edits: [set('x', 4)] },
    { document: list, prefix: ['items', 4], edits: [set('y', 4)] },
  ]
  t.same(spliceFile(text, changes), {
    text: '{"items": [{"x": 0}, {},{"b": [1]}, {"b":[1, 2, 3]}, {"c": {}, "x": 4, "y": 4}]}\n',
    refused: [],
  })
})
