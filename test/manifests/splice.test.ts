import t from 'tap'
import { applyEdits } from '../../src/core/apply-edit.ts'
import type { Edit } from '../../src/core/edit.ts'
import { valueAt } from '../../src/k8s/json.ts'
import { readValue } from '../../src/manifests/read-document.ts'
import { splice } from '../../src/manifests/splice.ts'

function parse(text: string): unknown {
  const read = readValue(text)
  if ('failure' in read) throw new Error(`${read.failure}\n${text}`)
  return read.value
}

// text before, edit, text after
const table: readonly (readonly [string, string, Edit, string])[] = [
  [
    'a new key, block style, comments kept',
    'metadata:\n  name: a # the name\n  # below\nspec: {}\n',
    { op: 'set', path: ['metadata', 'annotations', 'config.linkerd.io/opaque-ports'], value: '3306,4222' },
    'metadata:\n  name: a # the name\n  annotations:\n    config.linkerd.io/opaque-ports: "3306,4222"\n  # below\nspec: {}\n',
  ],
  [
    'a number-like text is quoted',
    'a:\n  b: c\n',
    { op: 'set', path: ['a', 'd'], value: '4222' },
    'a:\n  b: c\n  d: "4222"\n',
  ],
  ['the old quotes stay', "a: 'x' # c\n", { op: 'set', path: ['a'], value: 'z' }, "a: 'z' # c\n"],
  ['flow map', '{a: 1, b: {c: 2}}\n', { op: 'set', path: ['b', 'd'], value: 3 }, '{a: 1, b: {c: 2, d: 3}}\n'],
  ['empty flow map', 'a: {} # c\n', { op: 'set', path: ['a', 'b'], value: 'on' }, 'a: {b: "on"} # c\n'],
  ['no value', 'a: # c\nb: 1\n', { op: 'set', path: ['a', 'x'], value: 'z' }, 'a: # c\n  x: z\nb: 1\n'],
  ['null value', 'a: null\n', { op: 'set', path: ['a', 'x'], value: 'z' }, 'a: {x: z}\n'],
  [
    'a list item',
    'ports:\n  - port: 80\n    protocol: TCP # tcp\n# end\n',
    { op: 'append', path: ['ports'], value: { port: 4143, protocol: 'TCP' } },
    'ports:\n  - port: 80\n    protocol: TCP # tcp\n  - port: 4143\n    protocol: TCP\n# end\n',
  ],
  [
    'an unindented list, no final newline, CRLF',
    'a:\r\n- b: 1',
    { op: 'append', path: ['a'], value: { b: 2 } },
    'a:\r\n- b: 1\r\n- b: 2',
  ],
  [
    'wide dashes',
    'a:\n-   b: 1\n',
    { op: 'append', path: ['a'], value: { b: 2, c: 3 } },
    'a:\n-   b: 1\n-   b: 2\n    c: 3\n',
  ],
  ['flow list', 'a: [ {b: 1} ]\n', { op: 'append', path: ['a'], value: { b: 2 } }, 'a: [ {b: 1}, {b: 2} ]\n'],
  ['empty list', 'a: []\n', { op: 'append', path: ['a'], value: { b: 2 } }, 'a: [{b: 2}]\n'],
  ['missing list', 'a: 1\n', { op: 'append', path: ['b', 'c'], value: 2 }, 'a: 1\nb:\n  c:\n    - 2\n'],
  [
    'JSON with tabs',
    '{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n',
    { op: 'set', path: ['a', 'c'], value: 'x' },
    '{\n\t"a": {\n\t\t"b": 1,\n\t\t"c": "x"\n\t}\n}\n',
  ],
  ['remove a key', 'a: 1\nb: 2 # gone\nc: 3\n', { op: 'remove', path: ['b'] }, 'a: 1\nc: 3\n'],
  ['remove the first key of an item', '- a: 1\n  b: 2\n', { op: 'remove', path: [0, 'a'] }, '- b: 2\n'],
  ['remove the last of a flow list', 'a: [1, 2]\n', { op: 'remove', path: ['a', 1] }, 'a: [1]\n'],
  ['remove the only key', 'a:\n  b: 1\n', { op: 'remove', path: ['a', 'b'] }, 'a: {}\n'],
  [
    'marker and comments around',
    '--- # top\na: 1\n# end\n',
    { op: 'set', path: ['b'], value: true },
    '--- # top\na: 1\nb: true\n# end\n',
  ],
  [
    'behind a block text',
    'a: |\n  text\n  more\nb: 1\n',
    { op: 'set', path: ['c'], value: 1 },
    'a: |\n  text\n  more\nb: 1\nc: 1\n',
  ],
  [
    'behind a block text at the end',
    'b: 1\na: |\n  text\n',
    { op: 'set', path: ['c'], value: 1 },
    'b: 1\na: |\n  text\nc: 1\n',
  ],
  [
    'a map of four spaces',
    'metadata:\n    name: a\nspec:\n    x: 1\n',
    { op: 'set', path: ['metadata', 'annotations', 'a/b'], value: 'c' },
    'metadata:\n    name: a\n    annotations:\n        a/b: c\nspec:\n    x: 1\n',
  ],
  [
    'a new list as indented as the others: not at all',
    'a:\n- x: 1\nb: {}\n',
    { op: 'append', path: ['c', 'd'], value: { port: 1, x: [2] } },
    'a:\n- x: 1\nb: {}\nc:\n  d:\n  - port: 1\n    x:\n    - 2\n',
  ],
  [
    'quotes as beside it, where they are needed',
    'annotations:\n  a: \'true\'\nother: "1"\n',
    { op: 'set', path: ['annotations', 'b'], value: '4222' },
    "annotations:\n  a: 'true'\n  b: '4222'\nother: \"1\"\n",
  ],
  [
    'an old value without quotes gets them when it needs them',
    "a: web\nb: 'x'\n",
    { op: 'set', path: ['a'], value: 'no' },
    "a: 'no'\nb: 'x'\n",
  ],
  ['a value that was a block text', 'a: |\n  x\n  y\nb: 1\n', { op: 'set', path: ['a'], value: 'z' }, 'a: z\nb: 1\n'],
  ['a text of two lines', 'a: 1\n', { op: 'set', path: ['b'], value: 'x\ny\n' }, 'a: 1\nb: "x\\ny\\n"\n'],
  [
    'characters that no text file should hold',
    'a: 1\n',
    { op: 'set', path: ['b'], value: '\u0085\u0007\u2028\uFEFF\u202E\uD800ü€😀' },
    'a: 1\nb: "\\u0085\\u0007\\u2028\\ufeff\\u202e\\ud800ü€😀"\n',
  ],
  ['a tilde for null', 'a: ~ # c\n', { op: 'set', path: ['a', 'x'], value: 'z' }, 'a: {x: z} # c\n'],
  ['no value at the end', 'b: 1\na:', { op: 'set', path: ['a', 'x', 'w'], value: 'z' }, 'b: 1\na:\n  x:\n    w: z'],
  ['no value for a list', 'a:\nb: 1\n', { op: 'append', path: ['a'], value: 'z' }, 'a:\n  - z\nb: 1\n'],
  ['no value in a flow map', '{a: , b: 1}\n', { op: 'set', path: ['a', 'x'], value: 'z' }, '{a: {x: z} , b: 1}\n'],
  [
    'an empty list item',
    'a:\n  - # c\n  - 1\n',
    { op: 'set', path: ['a', 0, 'x'], value: 1 },
    'a:\n  - {x: 1} # c\n  - 1\n',
  ],
  [
    'a byte order mark',
    '\uFEFFa: 1\nb:\n  c: 1\n',
    { op: 'set', path: ['d'], value: 2 },
    '\uFEFFa: 1\nb:\n  c: 1\nd: 2\n',
  ],
  [
    'a byte order mark before one key',
    '\uFEFFa: 1',
    { op: 'set', path: ['d', 'e'], value: 2 },
    '\uFEFFa: 1\nd:\n  e: 2',
  ],
  ['before the end marker', 'a: 1\n...\n', { op: 'set', path: ['b'], value: 2 }, 'a: 1\nb: 2\n...\n'],
  [
    'a key behind a list within a list item',
    '- to:\n  - x: 1\n- to: []\n',
    { op: 'append', path: [0, 'ports'], value: { port: 1 } },
    '- to:\n  - x: 1\n  ports:\n  - port: 1\n- to: []\n',
  ],
  [
    'empty lines that belong to a text stay with it',
    'a: |+\n  x\n\n# c\n',
    { op: 'set', path: ['b'], value: 1 },
    'a: |+\n  x\n\nb: 1\n# c\n',
  ],
  [
    'a folded text at the end of the file',
    'a: >-\n  x\n  y',
    { op: 'set', path: ['b'], value: 1 },
    'a: >-\n  x\n  y\nb: 1',
  ],
  ['a scalar of several lines', 'a: "x\n  y"\nc: 1\n', { op: 'set', path: ['a'], value: 'z' }, 'a: "z"\nc: 1\n'],
  [
    'an anchor stays; a key of its own beats a merged one',
    'x: &b\n  k: 1\nw:\n  <<: *b\n  m: 2\n',
    { op: 'set', path: ['w', 'k'], value: 3 },
    'x: &b\n  k: 1\nw:\n  <<: *b\n  m: 2\n  k: 3\n',
  ],
  ['an alias gives way where it stands', 'x: &b 1\nw: *b\n', { op: 'set', path: ['w'], value: 2 }, 'x: &b 1\nw: 2\n'],
  [
    'a sibling of an alias',
    'x: &b {k: 1}\nw: *b\n',
    { op: 'set', path: ['z'], value: 2 },
    'x: &b {k: 1}\nw: *b\nz: 2\n',
  ],
  ['the last of two equal keys counts', 'a: 1\na: 2\n', { op: 'set', path: ['a'], value: 3 }, 'a: 1\na: 3\n'],
  ['a key that is no text', '8080: {on: 1}\n', { op: 'set', path: ['8080', 'true'], value: 2 }, '8080: {on: 2}\n'],
  [
    'the items of a flow map on lines of their own, with a comment',
    'a: {\n    b: 1, # b\n    c: 2 # c\n  }\n',
    { op: 'set', path: ['a', 'd'], value: { e: 3 } },
    'a: {\n    b: 1, # b\n    c: 2, # c\n    d: {\n        e: 3\n    }\n  }\n',
  ],
  [
    'a comma behind the last item',
    'a: [\n    1,\n    2, # two\n  ]\n',
    { op: 'append', path: ['a'], value: 3 },
    'a: [\n    1,\n    2, # two\n    3,\n  ]\n',
  ],
  [
    'a comma behind the last item on one line',
    'a: [1, 2,]\n',
    { op: 'append', path: ['a'], value: 3 },
    'a: [1, 2, 3,]\n',
  ],
  [
    'an empty map in JSON of several lines',
    '{\n  "metadata": {\n    "annotations": {}\n  }\n}',
    { op: 'set', path: ['metadata', 'annotations', 'a/b'], value: '1' },
    '{\n  "metadata": {\n    "annotations": {\n      "a/b": "1"\n    }\n  }\n}',
  ],
  [
    'a missing list in JSON of several lines, CRLF',
    '{\r\n  "a": 1\r\n}\r\n',
    { op: 'append', path: ['b', 'c'], value: { port: 1 } },
    '{\r\n  "a": 1,\r\n  "b": {\r\n    "c": [\r\n      {\r\n        "port": 1\r\n      }\r\n    ]\r\n  }\r\n}\r\n',
  ],
  ['JSON on one line', '{"a":{"b":[]}}', { op: 'append', path: ['a', 'b'], value: 'x' }, '{"a":{"b":["x"]}}'],
  [
    'the keys of prototypes',
    'data:\n  __proto__: 1\n',
    { op: 'set', path: ['data', 'constructor', '__proto__'], value: 2 },
    'data:\n  __proto__: 1\n  constructor:\n    __proto__: 2\n',
  ],
  [
    'a block list instead of another',
    'a: # c\n- 1\n- 2\nb: 1\n',
    { op: 'set', path: ['a'], value: [3] },
    'a: # c\n- 3\nb: 1\n',
  ],
  [
    'a scalar instead of a block list',
    'a: # c\n- 1\n- 2\nb: 1\n',
    { op: 'set', path: ['a'], value: 3 },
    'a: 3 # c\nb: 1\n',
  ],
  ['remove the only item', 'a:\n- 1\nb: 1\n', { op: 'remove', path: ['a', 0] }, 'a: []\nb: 1\n'],
  ['remove an item of several lines', 'a:\n- b: 1\n  c: 2\n- d: 3\n', { op: 'remove', path: ['a', 0] }, 'a:\n- d: 3\n'],
  ['remove from a flow map', '{a: 1, b: 2, c: 3}\n', { op: 'remove', path: ['b'] }, '{a: 1, c: 3}\n'],
  ['remove the last line, CRLF', 'a: 1\r\nb: 2', { op: 'remove', path: ['b'] }, 'a: 1\r\n'],
]

t.test('it changes one place and nothing else', async (t) => {
  for (const [name, before, edit, after] of table) {
    const result = splice(before, [], [edit])
    t.same(result, { text: after }, name)
    t.same(parse(after), applyEdits(parse(before), [edit]), `${name}: as the definition says`)
    if (edit.op === 'set') t.same(splice(after, [], [edit]), { text: after }, `${name}: a second time changes nothing`)
  }
})

/** What kubectl reads as something other than a text. */
const lookAlikes =
  'on off yes no y N true null ~ 4222 017 0o17 0x1F 1_000 1e3 -1 +1 .5 1. .inf .nan 1:30 2024-01-01 = <<'.split(' ')
const awkward = [
  '',
  ' ',
  ' x',
  'x ',
  '- a',
  '-',
  '---',
  '...',
  'a: b',
  'a #b',
  '#',
  '*a',
  '&a',
  '!a',
  '%a',
  '@a',
  '`a',
  '|',
  '>',
  '{',
  '[',
  ']',
  ',',
  '?',
  ': ',
  '"',
  "'",
  '\\',
  '${VAR}',
  '\t',
  'a\nb',
  '\n',
]

t.test('it writes texts so that they are read as the same texts', async (t) => {
  for (const value of [...lookAlikes, ...awkward, '3306,4222', '4143-4191', 'linkerd.io/inject', 'enabled'])
    for (const before of [
      'a: {}\n',
      "a: {x: 'y'}\n",
      'a:\n  x: 1\n',
      "a:\n  x: 'y'\n",
      'a:\n  b: "old"\n',
      "a:\n  b: 'old'\n",
      '{"a": {"x": 1}}',
    ]) {
      const result = splice(before, [], [{ op: 'set', path: ['a', 'b'], value }])
      t.ok('text' in result, `${JSON.stringify(value)} in ${JSON.stringify(before)}`)
      if ('text' in result) t.equal(valueAt(parse(result.text), ['a', 'b']), value)
      const asKey = splice(before, [], [{ op: 'set', path: ['a', value], value: 1 }])
      if ('text' in asKey) t.equal(valueAt(parse(asKey.text), ['a', value]), 1)
      else t.fail(`as a key: ${value}`)
    }
})

const written = (value: string) => splice('a: 1\n', [], [{ op: 'set', path: ['b'], value }])

t.test('it quotes what looks like something else, and nothing more', async (t) => {
  for (const value of lookAlikes.filter((text) => text !== '='))
    t.same(written(value), { text: `a: 1\nb: "${value}"\n` }, value)
  for (const value of ['enabled', 'TCP', 'a.b/c', 'v1', '10.0.0.0/8', 'one-two', '$x'])
    t.same(written(value), { text: `a: 1\nb: ${value}\n` }, value)
})

t.test('it refuses what would change something else', async (t) => {
  const shared = 'a: &x\n  k: 1\nb: *x\n'
  t.match(splice(shared, [], [{ op: 'set', path: ['a', 'n'], value: 1 }]), {
    refused: /without changing something else/,
  })
  t.match(splice(shared, [], [{ op: 'set', path: ['b', 'n'], value: 1 }]), { refused: /cannot be changed in place/ })
  t.match(splice('a: 1\n', [], [{ op: 'set', path: ['a', 'b'], value: 1 }]), { refused: /no map/ })
  const merged = 'x: &b\n  l: [1]\nw:\n  <<: *b\n'
  t.match(splice(merged, [], [{ op: 'append', path: ['w', 'l'], value: 2 }]), {
    refused: /without changing something else/,
  })
  t.match(splice(merged, [], [{ op: 'remove', path: ['w', 'l'] }]), { refused: /cannot be changed in place/ })
  t.match(splice('a: 1\na: 2\n', [], [{ op: 'remove', path: ['a'] }]), { refused: /without changing something else/ })
  t.match(splice('a: { # c\n  }\n', [], [{ op: 'set', path: ['a', 'b'], value: 1 }]), { refused: /in place/ })
  t.match(splice('# nothing\n', [], [{ op: 'set', path: ['a'], value: 1 }]), { refused: /in place/ })
  t.match(splice(`a: [${'1,'.repeat(200_001)}]\n`, [], []), { refused: /too large/ })
  t.match(splice('a: [', [], [{ op: 'set', path: ['a'], value: 1 }]), { refused: /./ })
})

t.test('it changes a resource within a List', async (t) => {
  const text = 'kind: List\nitems:\n- kind: A\n- kind: B\n  spec:\n    ports:\n    - 1\n'
  t.same(splice(text, ['items', 1], [{ op: 'append', path: ['spec', 'ports'], value: 2 }]), {
    text: `${text}    - 2\n`,
  })
})

t.test('it makes all edits or none', async (t) => {
  const edits: Edit[] = [
    { op: 'set', path: ['a'], value: 2 },
    { op: 'append', path: ['b'], value: 1 },
  ]
  t.same(splice('a: 1\n', [], edits), { text: 'a: 2\nb:\n  - 1\n' })
  t.match(splice('a: 1\nb: x\n', [], edits), { refused: /^b is no list$/ })
  t.same(splice('a: 1\n', [], []), { text: 'a: 1\n' })
})

t.test('it names the place in the resource, not in the document', async (t) => {
  const edit: Edit = { op: 'set', path: ['q'], value: 1 }
  t.match(splice('items:\n- &x {k: 1}\n- *x\n', ['items', 0], [edit]), { refused: /^q cannot be changed/ })
})
