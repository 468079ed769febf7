import fc from 'fast-check'
import t from 'tap'
import { jsonEqual } from '../../src/k8s/json.ts'
import { parseSource } from '../../src/manifests/document.ts'
import { readValue } from '../../src/manifests/read-document.ts'
import { plainScalar } from '../../src/manifests/scalars.ts'

/*
 * What kubectl 1.37.2 printed for `v: <text>` (`kubectl annotate --local -o json`). `test/oracle/kubectl-yaml.ts` asks it again,
 * these and thousands of generated ones.
 */
const readings: readonly (readonly [value: unknown, ...texts: string[]])[] = [
  [true, 'on', 'On', 'ON', 'yes', 'Yes', 'YES', 'y', 'Y', 'true', 'True', 'TRUE'],
  [false, 'off', 'Off', 'OFF', 'no', 'No', 'NO', 'n', 'N', 'false', 'False', 'FALSE'],
  ['tRue', 'tRue'],
  ['yEs', 'yEs'],
  ['oN', 'oN'],
  [null, '', '~', 'null', 'Null', 'NULL'],
  ['nUll', 'nUll'],
  [15, '017', '0o17', '0O17', '+017', '0_17'],
  [8, '08'],
  [9.5, '09.5'],
  ['0o8', '0o8'],
  [-7, '-0o7', '-07'],
  [3, '0b11', '0B11', '0b1_1'],
  ['0b2', '0b2'],
  ['0b', '0b'],
  [31, '0x1F', '0X1F', '0x_1f'],
  ['0x1p3', '0x1p3'],
  [1000, '1_000', '1e3', '1E3', '1e+3', '1000.0'],
  ['1 000', '1 000'],
  ['1,000', '1,000'],
  [10, '1__0', '10_'],
  ['_1', '_1'],
  [0, '0', '-0', '+0', '0.0', '-0.0', '00', '0e0'],
  [0.5, '.5', '+.5', '0.5'],
  [-0.5, '-.5', '-._5'],
  [0.1, '.1', '.1_0'],
  ['.5_', '.5_'],
  ['._1', '._1'],
  [5, '5.', '5._0'],
  ['.e1', '.e1'],
  ['.', '.'],
  ['-', '"-"'],
  ['--1', '--1'],
  ['1.2.3', '1.2.3'],
  ['1e', '1e'],
  ['1e400', '1e400'],
  ['-1e400', '-1e400'],
  [0, '1e-400'],
  [9007199254740992, '9007199254740992'],
  [2 ** 64, '18446744073709551615', '0xffffffffffffffff', '01777777777777777777777'],
  [1e20, '100000000000000000000'],
  ['0x10000000000000000', '0x10000000000000000'],
  ['-0x8000000000000001', '-0x8000000000000001'],
  ['1:30', '1:30'],
  ['190:20:30', '190:20:30'],
  ['2024-01-01', '2024-01-01'],
  ['2001-12-14t21:59:43.10-05:00', '2001-12-14t21:59:43.10-05:00'],
  ['3306,5432', '3306,5432'],
  ['4143-4191', '4143-4191'],
  ['=', '='],
  ['<<', '<<', '"<<"'],
  ['${PORT}', '${PORT}'],
  ['017', '!!str 017', '"017"', "'017'", '! 017', '!local 017'],
  [3, '!!int "3"'],
  [1000, '!!float "1e3"', '!!int 1e3'],
  [true, '!!bool "true"', '!!bool yes'],
  ['hi', '!!binary aGk='],
  ['2024-01-01', '!!timestamp 2024-01-01'],
  ['', '!!str'],
]

/** What kubectl refuses, so that no object can hold it. */
const refused = ['.inf', '-.Inf', '+.INF', '.nan', '.NaN', '!!null x', '!!int x', '!!bool x', '!!float x']

t.test('it reads a scalar as kubectl does, with both readers', async (t) => {
  for (const [value, ...texts] of readings)
    for (const text of texts) {
      const document = `v: ${text}\n`
      t.same(readValue(document), { value: { v: value } }, text)
      const source = parseSource(document)
      t.same(source.errors, [], text)
      t.same(source.toJS(), { v: value }, text)
    }
})

t.test('it refuses what kubectl refuses, and says where', async (t) => {
  for (const text of refused) {
    t.match(readValue(`a: 1\nv: ${text}\n`), { failure: /./, line: 1 }, text)
    t.match(readValue(`- 1\n- ${text}\n`), { failure: /./, line: 1 }, text)
  }
})

t.test('it reads keys as kubectl does', async (t) => {
  const text = 'on: a\n0x10: b\n1.5: c\n2024-01-01: d\n1e3: e\n"on": f\n-0: g\n'
  const value = { true: 'a', '16': 'b', '1.5': 'c', '2024-01-01': 'd', '1000': 'e', on: 'f', '0': 'g' }
  t.same(readValue(text), { value })
  for (const key of ['~', '', '[a]', '{a: 1}', '.inf']) t.match(readValue(`? ${key}\n: 1\n`), { failure: /./ }, key)
})

t.test('its two readers agree on whatever stands there', async (t) => {
  const piece = fc.constantFrom(
    ...'0 1 7 9 _ . - + e E x X o b a f : T ~ 0x 0b 0o 1e .5 inf nan NaN 2024-01-01 true yes on off null << # \' " , [ ] { } ? * & | > \\ $'.split(
      ' ',
    ),
    ' ',
    'é',
    '!!str ',
    '!local ',
    '!!int ',
  )
  let values = 0
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
      const document = `v: ${pieces.join('')}\nw: 1\n`
      const read = readValue(document)
      if ('failure' in read) return
      values++
      const source = parseSource(document)
      if (source.errors.length > 0) throw new Error(`only js-yaml reads it: ${source.errors[0]?.message}`)
      if (!jsonEqual(source.toJS(), read.value)) throw new Error(`${JSON.stringify(read.value)} or ${String(source)}`)
    }),
    { numRuns: 4000, seed: 1 },
  )
  t.comment(`4000 cases, ${values} of them YAML`)
  t.ok(values > 2000)
})

t.test('it says what a text without quotes would become', async (t) => {
  for (const [text, value] of [
    ['8080', 8080],
    ['on', true],
    ['8080-8090', '8080-8090'],
    ['', null],
  ] as const)
    t.equal(plainScalar(text), value)
})
