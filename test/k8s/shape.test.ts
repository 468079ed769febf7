import fc from 'fast-check'
import t from 'tap'
import { jsonEqual } from '../../src/k8s/json.ts'
import {
  anything,
  bool,
  both,
  int,
  intOrText,
  list,
  map,
  named,
  type Projection,
  type Shape,
  shared,
  struct,
  text,
} from '../../src/k8s/shape.ts'

const keeps: Projection['keeps'] = (part, key) => key.startsWith(part === 'annotations' ? 'linkerd.io/' : 'PROXY_')
const projection: Projection = { keeps, share: (value) => value }

const shape = both(
  struct({ annotations: shared(map(text, 'annotations')), labels: map(text) }),
  struct({
    flag: bool,
    port: intOrText,
    other: anything,
    env: list(named(struct({ name: text, value: text }), 'environment')),
    items: list(struct({ name: text, numbers: list(int) })),
  }),
)

/** Few values, so that equal ones come up, among them such as the form of the text could confuse. */
const texts = fc.constantFrom('', 'a', '1', '1:a', '8080', 'null', 'a;', '{', ')', 'b=1:a')
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null, freq: 3 })
const keys = fc.constantFrom('linkerd.io/inject', 'example.com/x', 'constructor', '__proto__')
const maps = fc.uniqueArray(fc.tuple(keys, maybe(texts)), { maxLength: 2, selector: ([key]) => key })
const wire = fc.record(
  {
    annotations: maybe(maps.map((entries) => Object.fromEntries(entries))),
    labels: maybe(maps.map((entries) => Object.fromEntries(entries))),
    flag: maybe(fc.boolean()),
    port: maybe(fc.oneof(texts, fc.constantFrom(1, 8080))),
    other: fc.constantFrom(null, 'x', [1], { a: [] }),
    env: maybe(fc.array(fc.record({ name: fc.constantFrom('PROXY_A', 'HOME'), value: texts }), { maxLength: 2 })),
    items: maybe(
      fc.array(
        fc.record(
          { name: maybe(texts), numbers: maybe(fc.array(fc.constantFrom(1, 11), { maxLength: 3 })) },
          { requiredKeys: [] },
        ),
        { maxLength: 2 },
      ),
    ),
    ignored: texts,
  },
  { requiredKeys: [] },
)

const spell = (value: unknown, of: Shape<unknown> = shape) => of.spell(value, keeps)

t.test('it spells alike exactly what it projects alike', async (t) => {
  let alike = 0
  fc.assert(
    fc.property(fc.tuple(wire, wire, fc.constantFrom('both', 'items', 'env')), ([one, two, same]) => {
      // Two that differ in one place say more than two that have nothing in common.
      const other = same === 'both' ? two : { ...one, [same]: two[same] }
      for (const value of [one, other]) if (shape.check(value) !== undefined) return
      const [left, right] = [one, other].map((value) => shape.project(value, projection))
      const areEqual = jsonEqual(left, right)
      if (areEqual) alike++
      if (spell(one) === spell(other)) return areEqual
      // Members of a map in another order are the same map; that the text says otherwise costs no more than a look.
      return !areEqual || JSON.stringify(left) !== JSON.stringify(right)
    }),
    { numRuns: 20_000 },
  )
  t.ok(alike > 1000, `${alike} pairs were alike`)
})

t.test('it spells nothing where a projection keeps nothing', async (t) => {
  const annotations = map(text, 'annotations')
  t.equal(spell({ 'example.com/x': 'y' }, annotations), '')
  t.not(spell(null, annotations), '')
  t.equal(spell({ annotations: { 'example.com/x': 'y' } }), spell({}))
})

t.test('it says so where something is nested too deep to be spelled', async (t) => {
  let deep: unknown = 1
  for (let i = 0; i < 100_000; i++) deep = [deep]
  t.throws(() => spell({ other: deep }), RangeError)
})
