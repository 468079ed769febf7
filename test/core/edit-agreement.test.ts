import fc from 'fast-check'
import t from 'tap'
import { isMap, isScalar, isSeq } from 'yaml'
import { applyEdit, applyEdits } from '../../src/core/apply-edit.ts'
import { type Edit, EditError } from '../../src/core/edit.ts'
import { toJsonPatch } from '../../src/core/json-patch.ts'
import { isObject, type Json, jsonEqual, valueAt } from '../../src/k8s/json.ts'
import { parseSource, rangeOfNode } from '../../src/manifests/document.ts'
import { readValue } from '../../src/manifests/read-document.ts'
import { splice } from '../../src/manifests/splice.ts'
import { patched } from './patched.ts'
import { type Habits, writeYaml } from './write-yaml.ts'

function parse(text: string): unknown {
  const read = readValue(text)
  if ('failure' in read) throw new Error(`${read.failure}\n${text}`)
  return read.value
}

const key = fc.constantFrom(
  'app',
  'config.linkerd.io/opaque-ports',
  'a-b',
  'a~b',
  'on',
  '8080',
  'valueOf',
  'x y',
  "it's",
  '~',
)
const text = fc.constantFrom(
  ...'|web|on|4222|3306,4222|a: b|# no|it\'s|say "hi"|ü|{x}| lead|017|1e3|- a|~|2024-01-01|${PORT}'.split('|'),
  'one\n',
  'one\ntwo\n',
  'kept\n\n',
  'a\nb',
  'tab\tbed',
  '\u0085\u2028',
)
const scalar = fc.oneof(text, fc.integer({ min: -1, max: 70000 }), fc.boolean(), fc.constant(null))
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.dictionary(key, tie('value'), { maxKeys: 3 }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
}))

/** Objects in which something often occurs twice, so that an alias can stand for it. */
const root = fc
  .tuple(fc.dictionary(key, value, { minKeys: 1, maxKeys: 4 }), fc.nat(3))
  .map(([object, copied]): Json => {
    const original = Object.values(object)[copied]
    return original === undefined ? object : Object.fromEntries([...Object.entries(object), ['copy', original]])
  })

const habits: fc.Arbitrary<Habits> = fc.record({
  root: fc.constantFrom<Habits['root'][]>(
    'block',
    'block',
    'block',
    'flow',
    'flow lines',
    'json',
    'json lines',
    'json tabs',
  ),
  step: fc.constantFrom(2 as const, 4 as const),
  listIndent: fc.constantFrom(0 as const, 2 as const),
  dashGap: fc.constantFrom(1 as const, 1 as const, 3 as const),
  quote: fc.constantFrom('single' as const, 'double' as const),
  comments: fc.boolean(),
  anchors: fc.boolean(),
  crlf: fc.boolean(),
  finalNewline: fc.boolean(),
  marker: fc.constantFrom('' as const, '---' as const, '--- # start' as const),
  end: fc.constantFrom('' as const, '# the end' as const, '...' as const),
  byteOrderMark: fc.constantFrom(false, false, false, true),
})

interface Wish {
  readonly op: Edit['op']
  readonly pick: readonly number[]
  readonly name: string
  readonly leaf: Json
}
const wish: fc.Arbitrary<Wish> = fc.record({
  op: fc.constantFrom<Edit['op'][]>('set', 'set', 'append', 'append', 'remove'),
  pick: fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }),
  name: key,
  leaf: fc.oneof(scalar, fc.constant({ port: 4143, protocol: 'TCP' }), fc.constant(['x', { a: [1] }]), fc.constant({})),
})

/** An edit somewhere in the object: at a value that is there, beside it, or below what is missing. */
function editOf(object: unknown, { op, pick, name, leaf }: Wish): Edit {
  const path: (string | number)[] = []
  let node: unknown = object
  for (const choice of pick) {
    const steps = Array.isArray(node) ? node.map((_, i) => i) : isObject(node) ? Object.keys(node) : []
    const step = steps[choice % (steps.length || 1)]
    if (step === undefined || (choice === 5 && path.length > 0)) break
    path.push(step)
    node = valueAt(node, [step])
  }
  if (op === 'remove') return { op, path }
  const beside =
    isObject(node) || node === null ? [...path, name, 'deep'].slice(0, path.length + 1 + ((pick[0] ?? 0) % 2)) : path
  if (op === 'set') return { op, path: beside, value: leaf }
  return { op, path: Array.isArray(node) ? path : beside, value: leaf }
}

/** What the definition says, if the edit applies. */
function attempt(object: unknown, edit: Edit): unknown {
  try {
    return applyEdit(object, edit)
  } catch (error) {
    if (error instanceof EditError) return undefined
    throw error
  }
}

/** Is nothing lost: are all characters of `part` in `whole`, in this order? */
function isWithin(part: string, whole: string): boolean {
  let at = 0
  for (let i = 0; at < part.length && i < whole.length; i++) if (whole[i] === part[at]) at++
  return at === part.length
}

/** The law that every byte outside the change stays, told from what the source ranges of `yaml` say. */
function keepsTheRest(before: string, after: string, object: unknown, edit: Edit): boolean {
  if (edit.op === 'remove')
    // Where the last item goes, empty brackets come.
    return (
      isWithin(after, before) ||
      [...after.matchAll(/ ?(?:\{\}|\[\])/g)].some(({ index, 0: brackets }) =>
        isWithin(after.slice(0, index) + after.slice(index + brackets.length), before),
      )
    )
  // What gives way: the value that is set, or the null on the way there. Otherwise something is only added.
  const length = edit.path.findIndex((_, i) => valueAt(object, edit.path.slice(0, i + 1)) === null) + 1
  const target = length > 0 ? edit.path.slice(0, length) : edit.op === 'set' ? edit.path : undefined
  if (target === undefined || valueAt(object, target) === undefined) return isWithin(before, after)
  let node: unknown = parseSource(before).contents
  let key: unknown
  for (const step of target) {
    const pair = isMap(node)
      ? node.items.findLast((item) => isScalar(item.key) && String(item.key.value) === step)
      : undefined
    key = pair?.key
    node = isMap(node) ? pair?.value : isSeq(node) ? node.items[Number(step)] : undefined
  }
  const range = rangeOfNode(node)
  if (!range || range[0] === range[1]) return isWithin(before, after)
  const tail = before.slice(range[0] + before.slice(range[0], range[1]).trimEnd().length)
  // Instead of lines below a key, a value may stand behind it; what else is on the key's line stays.
  const block = (isMap(node) || isSeq(node)) && !node.flow
  const start = block ? (rangeOfNode(key)?.[1] ?? range[0]) : range[0]
  const line = before.slice(start, range[0]).split(/\r?\n/)[0] ?? ''
  return (
    after.startsWith(before.slice(0, start)) && after.endsWith(tail) && (!block || isWithin(line, after.slice(start)))
  )
}

t.test('it means the same as text, as a patch and as a function', async (t) => {
  const numRuns = 6000
  const counts = { spliced: 0, unchanged: 0, refused: 0, 'refused with an alias': 0, 'no such edit': 0 }
  const perRoot = new Map<string, [number, number]>()
  fc.assert(
    fc.property(
      root,
      habits,
      fc.array(fc.nat(839), { minLength: 40, maxLength: 40 }),
      fc.array(wish, { minLength: 1, maxLength: 3 }),
      (object, style, tape, wishes) => {
        let turn = 0
        const choose = (limit: number) => (tape[turn++ % tape.length] ?? 0) % limit
        const source = writeYaml(object, style, choose, parse)
        const value = parse(source)
        if (!jsonEqual(value, object)) throw new Error(`the writer is wrong:\n${source}`)

        const edits: Edit[] = []
        let expected = value
        let before = source
        for (const one of wishes) {
          const edit = editOf(expected, one)
          const next = attempt(expected, edit)
          const result = splice(before, [], [edit])
          if (next === undefined) {
            counts['no such edit']++
            if ('text' in result) throw new Error('the text takes an edit that the object does not')
            continue
          }
          const count = perRoot.get(style.root) ?? [0, 0]
          perRoot.set(style.root, count)
          if ('refused' in result) {
            counts[/\*a\d/.test(source) ? 'refused with an alias' : 'refused']++
            count[1]++
            continue
          }
          edits.push(edit)
          count[0]++
          counts.spliced++
          if (jsonEqual(next, expected)) counts.unchanged++
          if (jsonEqual(next, expected) !== (result.text === before))
            throw new Error('text changes when the value does not')
          if (!keepsTheRest(before, result.text, expected, edit)) throw new Error(`more is changed:\n${result.text}`)
          if (before.includes('\r\n') && /[^\r]\n/.test(result.text)) throw new Error('another line end')
          if (!jsonEqual(parseSource(result.text).toJS(), next)) throw new Error('the two readers disagree')
          if (edit.op === 'set' && !jsonEqual(splice(result.text, [], [edit]), { text: result.text }))
            throw new Error('a second time is not idle')
          expected = next
          before = result.text
        }
        const whole = splice(source, [], edits)
        if (!('text' in whole) || whole.text !== before) throw new Error('together is not one after the other')
        if (!jsonEqual(parse(before), applyEdits(value, edits))) throw new Error('the text disagrees')
        const operations = toJsonPatch(value, edits)
        if (!jsonEqual(patched(value, operations), applyEdits(value, edits))) throw new Error('RFC 6902 disagrees')
      },
    ),
    { numRuns, seed: 7 },
  )
  t.comment(`${numRuns} documents`, counts, Object.fromEntries(perRoot))
  const refused = counts.refused + counts['refused with an alias']
  t.ok(counts.spliced - counts.unchanged >= 3000, 'at least 3,000 changes are compared')
  t.ok(counts.spliced >= (counts.spliced + refused) * 0.9, 'at least nine in ten are spliced')
  t.ok(counts.refused <= counts.spliced * 0.005, 'without an alias, at most one in two hundred is refused')
})
