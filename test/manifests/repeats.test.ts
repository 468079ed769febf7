import fc from 'fast-check'
import t from 'tap'
import { isAlias, isMap, isScalar, isSeq } from 'yaml'
import { formatPath, valueAt } from '../../src/k8s/json.ts'
import { parseSource } from '../../src/manifests/document.ts'
import { readDocuments, readValue } from '../../src/manifests/read-document.ts'
import { repeatsIn } from '../../src/manifests/repeats.ts'
import { isMergeKey } from '../../src/manifests/source-tags.ts'

/** Each entry that is lost: `<path> <entry> <value>`. */
function lostIn(text: string): string[] {
  const read = readValue(text)
  if ('failure' in read) throw new Error(read.failure)
  if (!read.lost) return []
  return [...repeatsIn(read.value, read.lost)].map(
    ({ path, entry, lost }) => `${formatPath(path)} ${entry} ${JSON.stringify(lost)}`,
  )
}

// What counts in each is what `kubectl annotate --local -o json` printed (1.37).
t.test('it tells which entries are lost', async (t) => {
  for (const [text, expected] of [
    ['a: 1\nb: 2\n', []],
    ['a: 1\na: 2\na: 3\n', ['a 0 1', 'a 1 2']],
    ['a: {b: 1}\na: {c: 1}\n', ['a 0 {"b":1}']],
    ['a:\n  - b: 1\n    b: 2\n  - b: 3\n', ['a[0].b 0 1']],
    ['{a: {b: 1, b: 2}, "a": {c: 1, c: 2}}', ['a 0 {"b":2}', 'a.c 0 1']],
    ['1: a\n"1": b\non: a\ntrue: b\n017: a\n15: b\n', ['["1"] 0 "a"', 'true 0 "a"', '["15"] 0 "a"']],
    ['__proto__: 1\n__proto__: 2\nconstructor: 3\n', ['__proto__ 0 1']],
    ['a: &a {x: 1, x: 2}\nb: *a\n', ['a.x 0 1']],
    ['? a\n: 1\n? a\n: 2\n', ['a 0 1']],
    // Of an object that is lost as a whole, more need not be said.
    ['a: {b: 1, b: 2}\na: 1\n', ['a 0 {"b":2}']],
  ] as const)
    t.same(lostIn(text), expected, text)
})

t.test('it takes a merged key that is overridden for no repeated one', async (t) => {
  for (const [text, expected] of [
    ['m: &m {a: 1, b: 2}\nx: {<<: *m, a: 3}\n', []],
    ['m: &m {a: 1, b: 2}\nx: {a: 3, <<: *m}\n', []],
    ['m: &m {a: 1}\nn: &n {a: 2}\nx: {<<: *m, <<: *n}\ny: {<<: [*m, *n], a: 3}\n', []],
    ['m: &m {a: 1}\nx: {<<: *m, a: 3, a: 4}\n', ['x.a 0 3']],
    ['m: &m {a: 1}\nx: {a: 3, <<: *m, a: 4}\n', ['x.a 0 1']],
    ['m: &m {a: 1, a: 2}\nx: {<<: *m}\n', ['m.a 0 1']],
  ] as const)
    t.same(lostIn(text), expected, text)
})

t.test('it sees in JSON what JSON.parse does not tell', async (t) => {
  t.same(lostIn('{"a": {"b": 1}, "a": {"c": 1, "c": [2]}}'), ['a 0 {"b":1}', 'a.c 0 1'])
  t.same(lostIn('{\n\t"a\\"": "x",\n\t"a\\u0022": "\\\\"\n}'), ['["a\\""] 0 "x"'])
  for (const text of ['{"a": "b: c", "b": "\\"a\\": 1", "c": ["d", ":"], "e\\\\": {}}', '{"a"\n:\t1}', '{}'])
    t.same(lostIn(text), [], text)
})

t.test('it does not carry over what an unreadable document repeats', async (t) => {
  t.ok('failure' in readValue('a: 1\na: 2\nb: [\n'))
  t.same(lostIn('a: 1\n'), [])
})

t.test('it knows where each entry stands', async (t) => {
  const text = '# c\na: 1\nb: 2\n"a": {x: 1}\na:\n  b: 1\n'
  const [read] = readDocuments('f.yaml', text)
  const at = (entry?: number) => {
    const place = read?.document.place(['a'], entry)
    return `${place?.line}:${place?.column}-${place?.endLine}:${place?.endColumn}`
  }
  t.same([at(0), at(1), at(2), at()], ['2:1-2:2', '4:1-4:4', '5:1-5:2', '6:3-6:7'])
})

/** How often each map's own keys are repeated, by what `yaml` reads: `<path> <how many are lost>`. */
function* repeatedIn(
  node: unknown,
  root: ReturnType<typeof parseSource>,
  path: string,
  seen: Set<unknown>,
): Generator<string> {
  const real = isAlias(node) ? node.resolve(root) : node
  if (seen.has(real)) return
  seen.add(real)
  if (isSeq(real)) for (const [i, item] of real.items.entries()) yield* repeatedIn(item, root, `${path}[${i}]`, seen)
  if (!isMap(real)) return
  const entries = new Map<string, unknown[]>()
  const overridden = new Set<string>()
  // What a merge behind it replaces is not there to be looked into. The map that is merged has these keys.
  for (const { key, value } of real.items)
    if (isMergeKey(key)) for (const name of ['a', 'true']) overridden.add(name)
    else if (isScalar(key)) {
      overridden.delete(String(key.value))
      const name = String(key.value)
      entries.set(name, [...(entries.get(name) ?? []), value])
    }
  for (const [key, values] of entries) {
    if (values.length > 1) yield `${path}.${key} ${values.length - 1}`
    if (!overridden.has(key)) yield* repeatedIn(values.at(-1), root, `${path}.${key}`, seen)
  }
}

t.test('it sees what the reader of positions sees', async (t) => {
  const key = fc.constantFrom('a', 'b', '"a"', '1', '"1"', 'on', 'true', '<<')
  const { map } = fc.letrec<{ map: string }>((tie) => ({
    map: fc
      .array(fc.tuple(key, fc.oneof({ depthSize: 'small' }, fc.constantFrom('1', '[]', '*m'), tie('map'))), {
        maxLength: 5,
      })
      .map((pairs) => `{${pairs.map(([k, v]) => `${k}: ${k === '<<' ? '*m' : v}`).join(', ')}}`),
  }))
  let repeated = 0
  fc.assert(
    fc.property(map, (flow) => {
      const text = `m: &m {a: 1, on: 2}\nx: ${flow}\n`
      const read = readValue(text)
      if ('failure' in read) throw new Error(read.failure)
      const ours = new Map<string, number>()
      for (const { path, entry, lost } of read.lost ? repeatsIn(read.value, read.lost) : []) {
        if (lost === undefined || valueAt(read.value, path) === undefined)
          throw new Error(`${path.join('.')}: no value`)
        ours.set(`.${path.join('.')}`, entry + 1)
      }
      const root = parseSource(text)
      const theirs = [...repeatedIn(root.contents, root, '', new Set())].toSorted()
      t.same([...ours].map(([path, count]) => `${path} ${count}`).toSorted(), theirs, text)
      repeated += theirs.length
    }),
    { numRuns: 500, seed: 1 },
  )
  t.ok(repeated > 300, `${repeated} repeated keys`)
})
