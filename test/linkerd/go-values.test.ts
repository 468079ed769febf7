import t from 'tap'
import {
  parseGoBool,
  parseGoDuration,
  parseGoFloat,
  parseGoInt,
  parseGoUint,
  parseQuantity,
} from '../../src/linkerd/go-values.ts'

t.test('it knows the twelve booleans of Go, and no others', async (t) => {
  for (const text of ['1', 't', 'T', 'TRUE', 'true', 'True']) t.same(parseGoBool(text), { value: true }, text)
  for (const text of ['0', 'f', 'F', 'FALSE', 'false', 'False']) t.same(parseGoBool(text), { value: false }, text)
  for (const text of ['', 'yes', 'on', 'enabled', ' true', 'tRUE', 'constructor'])
    t.same(parseGoBool(text), { error: `strconv.ParseBool: parsing "${text}": invalid syntax` }, text)
})

t.test('it reads durations, with the words of Go where there is none', async (t) => {
  const table: readonly (readonly [string, number | string])[] = [
    ['500ms', 500],
    ['1m30s', 90_000],
    ['1.5s', 1500],
    ['.5s', 500],
    ['-1s', -1000],
    ['+2h', 7_200_000],
    ['0', 0],
    ['1h0m1s', 3_601_000],
    ['100us', 0.1],
    ['30', 'time: missing unit in duration "30"'],
    ['1s30', 'time: missing unit in duration "1s30"'],
    ['', 'time: invalid duration ""'],
    ['abc', 'time: invalid duration "abc"'],
    ['1d', 'time: unknown unit "d" in duration "1d"'],
    ['10sec', 'time: unknown unit "sec" in duration "10sec"'],
    ['5 s', 'time: unknown unit " s" in duration "5 s"'],
    ['9999999h', 'time: invalid duration "9999999h"'],
  ]
  for (const [text, expected] of table)
    t.same(parseGoDuration(text), typeof expected === 'number' ? { value: expected } : { error: expected }, text)
})

t.test('it reads numbers only where Go does', async (t) => {
  const reads = (parsed: object) => ('value' in parsed ? parsed.value : undefined)
  t.equal(reads(parseGoInt('-1', 32)), -1)
  t.equal(reads(parseGoInt('+80', 32)), 80)
  t.equal(reads(parseGoInt('2147483648', 32)), undefined, 'it is out of range')
  t.equal(reads(parseGoInt('2147483648', 64)), 2_147_483_648)
  for (const text of ['', '80.5', '4191 ', 'http', '0x10', '1_000'])
    t.equal(reads(parseGoInt(text, 32)), undefined, text)
  t.equal(reads(parseGoUint('30')), 30)
  for (const text of ['-1', '+1', '30s', '1.5', '', '18446744073709551616'])
    t.equal(reads(parseGoUint(text)), undefined, text)
  t.equal(reads(parseGoFloat('0.5')), 0.5)
  t.equal(reads(parseGoFloat('1e-1')), 0.1)
  t.equal(reads(parseGoFloat('-Inf')), -Infinity)
  t.ok(Number.isNaN(reads(parseGoFloat('nan'))), 'NaN is a number to Go')
  for (const text of ['', '50%', '0,5', '--1']) t.equal(reads(parseGoFloat(text)), undefined, text)
})

t.test('it reads quantities as Kubernetes does', async (t) => {
  const table: readonly (readonly [string, number | undefined])[] = [
    ['100m', 0.1],
    ['0.5', 0.5],
    ['64Mi', 64 * 2 ** 20],
    ['1Gi', 2 ** 30],
    ['1e3', 1000],
    ['1E', 1e18],
    ['128974848', 128_974_848],
    ['+1', 1],
    ['64MB', undefined],
    ['1 Gi', undefined],
    ['10Qi', undefined],
    ['1,5', undefined],
    ['2 cores', undefined],
    ['lots', undefined],
    ['', undefined],
    ['1.5.2', undefined],
  ]
  for (const [text, expected] of table) {
    const parsed = parseQuantity(text)
    t.equal('value' in parsed ? parsed.value : undefined, expected, text)
  }
})
