import t from 'tap'
import { contains, formatBox } from '../../src/policy/box.ts'
import { boxesOf } from '../../src/policy/calico-boxes.ts'
import { parseCalicoSelector } from '../../src/policy/calico-selector.ts'

function boxes(text: string): string[] | undefined {
  const selector = parseCalicoSelector(text)
  return selector && boxesOf(selector, (key) => ({ key }))?.map((box) => formatBox(box, ''))
}

t.test('it turns a selector into boxes', async (t) => {
  const table: readonly (readonly [string, readonly string[]])[] = [
    ['', ['']],
    ['all()', ['']],
    ['!all()', []],
    ["app == 'x'", ['app=x']],
    ['app=="x"', ['app=x']],
    ["app != 'x'", ['app other than x']],
    ["!(app != 'x')", ['app=x']],
    ['app in {\'x\', "y"}', ['app in (x, y)']],
    ['app in {}', []],
    ['app not in {}', ['']],
    ["app not in {'x'} && has(app)", ['app other than x']],
    ['has(a) && !has(b)', ['a label a and no label b']],
    ["a == '1' || b == '2'", ['a=1', 'b=2']],
    ["a == '1' && (b == '2' || b == '3')", ['a=1 and b=2', 'a=1 and b=3']],
    ["!(a == '1' || b == '2')", ['a other than 1 and b other than 2']],
    ["!(a == '1' && b == '2')", ['a other than 1', 'b other than 2']],
    ["a == '1' && a == '2'", []],
    ["a starts with 'web'", ['a starts with web']],
    ["!a contains 'w'", ['not a contains w']],
    ["a starts with 'x' && a ends with 'y' && a == 'xzy'", ['a starts with x and a ends with y and a=xzy']],
    ["a starts with 'x' && a == 'yx'", []],
  ]
  for (const [text, expected] of table) t.same(boxes(text), expected, text)
})

t.test('it knows what is no selector', async (t) => {
  for (const text of [
    'app',
    'app =',
    "app = 'x'",
    'app == x',
    "== 'x'",
    '(',
    "(app == 'x'",
    "app == 'x')",
    "app in 'x'",
    "app in {'x'",
    "a == '1' &&",
    "a == '1' b == '2'",
    '!',
    'has()',
    "a b == 'x'",
    'all',
    "app == 'x",
  ])
    t.equal(parseCalicoSelector(text), undefined, text)
})

t.test('it gives up on a selector of too many boxes', async (t) => {
  const either = (key: string) => `(has(${key}1) || has(${key}2))`
  const keys = ['a', 'b', 'c', 'd', 'e', 'f']
  t.equal(boxes(keys.slice(0, 5).map(either).join(' && '))?.length, 32)
  t.equal(boxes(keys.map(either).join(' && ')), undefined)
})

t.test('it tells labels that have a part from those that have not', async (t) => {
  const selector = parseCalicoSelector("a contains 'w' || !b ends with 'x'")
  const found = (selector && boxesOf(selector, (key) => ({ key }))) ?? []
  const isIn = (labels: Record<string, string>) => found.some((box) => contains(box, labels, ''))
  t.ok(isIn({ a: 'awa', b: 'x' }))
  t.ok(isIn({ b: 'xy' }))
  t.ok(isIn({}), 'what is absent ends with nothing')
  t.notOk(isIn({ a: 'v', b: 'yx' }))
})
