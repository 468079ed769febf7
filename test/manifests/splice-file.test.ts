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
