import t from 'tap'
import { readDocument, readDocuments, readValue } from '../../src/manifests/read-document.ts'

/** What each document holds, or where and why that is not known. */
function read(text: string): unknown[] {
  return readDocuments('f.yaml', text).map((document) =>
    'failure' in document
      ? `${document.failure.line}:${document.failure.column} ${document.failure.text}`
      : document.value,
  )
}

t.test('it ends a document where kubectl does', async (t) => {
  const two = [{ a: 1 }, { b: 2 }]
  for (const text of [
    'a: 1\n---\nb: 2\n',
    '---\na: 1\n--- # comment\nb: 2',
    'a: 1\n---  \t\nb: 2\n---\n',
    'a: 1\r\n---\r\nb: 2\r\n',
    'a: 1\n...\n---\nb: 2\n...\n',
    '# head\n---\n---\n\na: 1\n---\n# nothing\n---\nb: 2\n',
    '%YAML 1.1\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n',
    '\uFEFFa: 1\n---\n\uFEFFb: 2\n',
    '\uFEFF---\na: 1\n---\n\uFEFF---\nb: 2\n',
    '--- {a: 1}\n--- {b: 2}\n',
    '{"a":1}{"b":2}',
    '\uFEFF{"a":1}\n\n  {"b":2}\n',
    '{"a":1}\n---\n{"b":2}\n',
    '---\n{"a":1}{"b":2}',
    '{a: 1}\n---\nb: 2\n',
    '{"a":1} # comment\n---\n{\n\t"b":\t2\n}\n',
  ])
    t.same(read(text), two, JSON.stringify(text))
  for (const text of [
    '',
    '\n',
    '# nothing\n',
    '---\n',
    '---\n...\n---\n',
    '\uFEFF',
    '\uFEFF# nothing\n',
    '%YAML 1.1\n',
  ])
    t.same(read(text), [], JSON.stringify(text))
  t.same(read('null\n---\n~\n'), [null, null])
  t.same(read('a: |\n  ---\n  ...\nb: "x\n  --- y"\n'), [{ a: '---\n...\n', b: 'x --- y' }])
  t.same(read('a: "---"\n#---\nb: 1\n'), [{ a: '---', b: 1 }])
})

t.test('it takes a brace in a text for a part of the text', async (t) => {
  t.same(read('{"a":"}{","b":"\\"}"}{"c":1}'), [{ a: '}{', b: '"}' }, { c: 1 }])
  t.same(read("{a: '}', b: x}"), [{ a: '}', b: 'x' }])
  t.same(read('{a: it\'s, b: "}"}'), [{ a: "it's", b: '}' }])
})

t.test('it lets no document hide another', async (t) => {
  t.match(read('a: [\n---\nb: 2\n'), [/^2:1 not YAML: /, { b: 2 }])
  t.match(read('a: 1\n---\nb:\n\tc: 1\n---\nd: 1\n'), [{ a: 1 }, /^4:1 not YAML: tab/, { d: 1 }])
  t.match(read('# c\n---\n\ta\nb: 1\n---\nd: 1\n'), [/^3:1 not YAML: the first line is indented wrongly/, { d: 1 }])
  t.match(read(' ---\na: 1\n'), [/^1:1 not YAML: the first line is indented wrongly/])
  t.match(read('{"a":1}\n{"b":'), [{ a: 1 }, /^2:6 not YAML: /])
  t.match(read('{"a":}\n{"b":2}'), [{ a: null }, { b: 2 }])
  t.match(read('{"a":1},{"b":2}'), [{ a: 1 }, /^1:8 not YAML: /])
  t.match(read('--- \n{"a":1}\n---\n"b'), [{ a: 1 }, /not YAML: /])
})

t.test('it reads what JSON and YAML share as kubectl does', async (t) => {
  t.same(read('{"a":1,"a":2,"__proto__":{"x":1}}'), [JSON.parse('{"a":2,"__proto__":{"x":1}}')])
  t.same(read('a: 1\na: 2\nconstructor: 1\n__proto__: {x: 1}\n'), [
    JSON.parse('{"a":2,"constructor":1,"__proto__":{"x":1}}'),
  ])
  t.same(read('{"a":1,}'), [{ a: 1 }])
  t.same(read('a: !local {b: 1}\nc: !!set {d}\ne: !!omap [f: 1]\ng: !x [1]\n'), [
    { a: { b: 1 }, c: { d: null }, e: [{ f: 1 }], g: [1] },
  ])
  t.same(read('a: "\\x41\\u00e9\\U0001F600"\nb: |+\n  x\n\nc: >-\n  a\n  b\n\n  c\n'), [
    { a: 'Aé😀', b: 'x\n\n', c: 'a b\nc' },
  ])
  t.same(({} as { x?: number }).x, undefined, 'nothing is polluted')
})

// As go-yaml does, and seen with kubectl: merging happens where `<<` stands.
function valueOf(text: string): unknown {
  const read = readValue(text)
  return 'value' in read ? read.value : read
}

t.test('it merges where the key stands', async (t) => {
  for (const [text, value] of [
    ['{<<: {e: 2}, e: 1}', { e: 1 }],
    ['{e: 1, <<: {e: 2}}', { e: 2 }],
    ['{<<: {e: 2}, <<: {e: 3}}', { e: 3 }],
    ['{<<: [{e: 2}, {e: 3, f: 4}], g: 5}', { e: 2, f: 4, g: 5 }],
    ['{e: 1, <<: [{e: 2}, {e: 3}]}', { e: 2 }],
    ['{e: 1, e: 5, <<: {f: 2}, f: 3}', { e: 5, f: 3 }],
    ['{<<: {<<: {e: 1, f: 1}, e: 2}, g: 3}', { e: 2, f: 1, g: 3 }],
    ['{<<: []}', {}],
    ['{!!merge "<<": {e: 3}}', { e: 3 }],
    ['{"<<": {e: 3}}', { '<<': { e: 3 } }],
    ['{!!str <<: {e: 3}}', { '<<': { e: 3 } }],
  ] as const) {
    t.same(valueOf(`d: ${text}\n`), { d: value }, text)
    const [document] = readDocuments('f.yaml', `d: ${text}\n`)
    const key = Object.keys(value)[0]
    if (key === undefined || !document) continue
    const { column, endColumn } = document.document.place(['d', key])
    const written = `d: ${text}`.slice(column - 1, endColumn - 1)
    const expected = (value as Readonly<Record<string, unknown>>)[key]
    t.same(valueOf(written), expected, `${text}: the place of ${key} is ${column}`)
  }
  for (const text of ['{<<: ~}', '{<<: }', '{<<: 5}', '{<<: [[{a: 1}]]}', '{<<: *nobody}'])
    t.match(readValue(`d: ${text}\n`), { failure: /not YAML/ }, text)
})

t.test('it bounds what a small text can stand for', async (t) => {
  const doubled = (line: (i: number) => string) => Array.from({ length: 40 }, (_, i) => line(i)).join('\n')
  const bombs = {
    'billion laughs': doubled((i) => `a${i}: &a${i} ${i === 0 ? 'lol' : `[*a${i - 1}, *a${i - 1}]`}`),
    'laughing maps': doubled((i) => `a${i}: &a${i} ${i === 0 ? '{x: 1}' : `{x: *a${i - 1}, y: *a${i - 1}}`}`),
    'what holds itself': 'a: &a [*a]\n',
    'a map that holds itself': 'a: &a {b: *a}\n',
    'too many aliases': `a: &a x\nb: [${'*a,'.repeat(100_000)}]\n`,
    'merges of merges': Array.from(
      { length: 2000 },
      (_, i) => `m${i}: &m${i} {${i ? `<<: *m${i - 1},` : ''} k${i}: 1}`,
    ).join('\n'),
    'a deep list': `a: ${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    'a deep map': `a: ${'{a: '.repeat(100_000)}`,
    'deep dashes': `a:\n  ${'- '.repeat(100_000)}`,
    'many values': `a: [${'x,'.repeat(1_000_001)}]`,
    'bad escapes': `a: "${'\\q'.repeat(100_000)}"`,
  }
  for (const [name, text] of Object.entries(bombs)) t.match(readValue(text), { failure: /./ }, name)
  const shared = `a: &a {b: c}\nd:\n${'- *a\n'.repeat(5000)}`
  t.match(readValue(shared), { value: { a: { b: 'c' } } }, 'a List may well repeat its labels')
  const merged = `${doubled((i) => `m${i}: &m${i} ${i === 0 ? '{k: 1}' : `{<<: [*m${i - 1}, *m${i - 1}]}`}`)}\n`
  t.match(readValue(merged), { value: { m39: { k: 1 } } })
  const [document] = readDocuments('f.yaml', merged)
  t.match(document?.document.place(['m39', 'k']), { line: 1 })
  t.match(
    document?.document.place(['m39', 'nobody']),
    { line: 40 },
    'nor does a key that is not there take long to miss',
  )
})

t.test('it reads blank lines and directives without end', async (t) => {
  t.same(read(`${'\n'.repeat(100_000)}a: 1\n`), [{ a: 1 }])
  t.same(read('%a\n'.repeat(100_000)), [])
  t.equal(read('{}'.repeat(50_000)).length, 50_000)
})

t.test('it reads the only document of a file', async (t) => {
  t.match(readDocument('c.yaml', '# nothing\n'), { value: undefined })
  t.match(readDocument('c.yaml', 'a: 1\n'), { value: { a: 1 } })
  t.match(readDocument('c.yaml', 'a: 1\n---\n\nb: 1\n'), { failure: { file: 'c.yaml', line: 4, column: 1 } })
})
