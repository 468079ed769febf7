import fc from 'fast-check'
import t from 'tap'
import { canonicalList, portsByGo, portsByInit, portsByRust } from '../../src/linkerd/port-list.ts'
import { formatPorts, hasPort } from '../../src/policy/port-set.ts'

// As seen on the real components, on a Pod or Service with ports 3306, 8080 and 9000, the last called `web`: what
// destination and the injector make of a value, and what the policy controller does. (Absent: no list to read.)
const seen: readonly (readonly [value: string, go: string, rust: string])[] = [
  ['', '...', '...'],
  ['9000,8080', '.OO', '.OO'],
  [' 9000 , 8080 ', '.OO', '.OO'],
  ['9000,,8080', '.OO', '.OO'],
  ['9000', '..O', '..O'],
  ['9000,', '..O', '..O'],
  [',9000', '..O', '..O'],
  ['9000-9010', '..O', '..O'],
  ['9000-9000', '..O', '..O'],
  ['+9000', '..O', '..O'],
  ['09000', '..O', '..O'],
  ['9000\n', '..O', '..O'],
  ['3000-9999', 'OOO', 'OOO'],
  ['1-65535', 'OOO', 'OOO'],
  ['9000 - 9010', '...', '..O'],
  ['web,8080', '.OO', '...'],
  ['nosuch,9000', '..O', '...'],
  ['0,9000', '..O', '...'],
  ['70000,9000', '..O', '...'],
  ['9010-9000,8080', '.O.', '...'],
  ['0-65535', 'OOO', '...'],
  ['9000;8080', '...', '...'],
  ['9000 8080', '...', '...'],
  ['9000-', '...', '...'],
  ['-9000', '...', '...'],
  ['all', '...', '...'],
  ['*', '...', '...'],
  ['9000/tcp', '...', '...'],
  ['0x2328', '...', '...'],
]
const ports = [3306, 8080, 9000]
const web = (name: string) => (name === 'web' ? [9000] : [])

t.test('it reads a value as each component was seen to', async (t) => {
  for (const [value, go, rust] of seen) {
    const letters = (set: ReturnType<typeof portsByRust>) =>
      ports.map((port) => (hasPort(set, port) ? 'O' : '.')).join('')
    t.equal(letters(portsByGo(value, web)), go, `destination: ${JSON.stringify(value)}`)
    t.equal(letters(portsByRust(value)), rust, `policy controller: ${JSON.stringify(value)}`)
  }
})

t.test('it takes an empty token for the unnamed port of a Service, except behind the last comma', async (t) => {
  const unnamed = (name: string) => (name === '' ? [4222] : [])
  for (const [value, expected] of [
    [',9042', '4222, 9042'],
    ['80,,90', '80, 90, 4222'],
    [',', '4222'],
    ['9042,', '9042'],
    ['', ''],
  ] as const)
    t.equal(formatPorts(portsByGo(value, unnamed)), expected, JSON.stringify(value))
})

t.test('it reads skip lists as linkerd-init does, which cuts no spaces and knows no names', async (t) => {
  for (const [value, expected] of [
    ['3306,5432', '3306, 5432'],
    ['3306, 5432', '3306'],
    ['mysql,5432', '5432'],
    ['10-5,5432', '5432'],
    ['8000-8010', '8000-8010'],
    ['70000,80', '80'],
    ['', ''],
  ] as const)
    t.equal(formatPorts(portsByInit(value)), expected, JSON.stringify(value))
})

const canonical: readonly (readonly [value: string, add: readonly number[], list: string | undefined])[] = [
  ['', [], ''],
  ['', [4222], '4222'],
  ['25,587', [4222], '25,587,4222'],
  ['25,587', [587], '25,587'],
  ['587,25,587', [24], '587,25,24'],
  [' 9000 , 8080 ', [], '9000,8080'],
  ['9000,,8080,', [4222, 6222], '9000,8080,4222,6222'],
  ['4000-5000', [4222, 6222], '4000-5000,6222'],
  ['9000 - 9010', [], '9000-9010'],
  ['9000-9000', [], '9000'],
  ['+9000,08080', [], '9000,8080'],
  ['web,8080', [4222], '9000,8080,4222'],
  ['web', [9000], '9000'],
  ['0,9000', [], '9000'],
  ['0-10', [], '1-10'],
  ['0', [4222], '4222'],
  ['nosuch,9000', [4222], undefined],
  ['70000', [4222], undefined],
  ['9010-9000', [4222], undefined],
  ['all', [4222], undefined],
  ['25,&#43;11211', [4222], undefined],
]

t.test('it writes a list that everybody reads alike, or none', async (t) => {
  for (const [value, add, list] of canonical)
    t.equal(canonicalList(value, add, web), list, `${JSON.stringify(value)} and ${add.join(', ')}`)
})

const token = fc.oneof(
  fc.integer({ min: 1, max: 65535 }).map(String),
  fc
    .tuple(fc.integer({ min: 1, max: 65535 }), fc.nat(500))
    .map(([from, more]) => `${from}-${Math.min(from + more, 65535)}`),
  fc.constantFrom('', ' 80', '8080 ', '+25', '00587', '0', '0-9', '9000 - 9010', 'web', 'nosuch', '70000', '9-1', '*'),
)
const value = fc.array(token, { maxLength: 6 }).map((tokens) => tokens.join(','))
const wanted = fc.array(fc.integer({ min: 1, max: 65535 }), { maxLength: 4 })

t.test('it loses no port that is opaque to anybody, adds the wanted ones and is written once', async (t) => {
  fc.assert(
    fc.property(value, wanted, (before, add) => {
      const after = canonicalList(before, add, web)
      if (after === undefined) return
      const read = portsByRust(after)
      t.same(portsByGo(after), read, 'both parsers agree')
      t.equal(formatPorts(portsByInit(after)), formatPorts(read), 'so does linkerd-init')
      for (const port of add) t.ok(hasPort(read, port))
      for (const [from, to] of [...portsByGo(before, web), ...portsByRust(before)])
        for (const port of [from, to]) t.ok(port === 0 || hasPort(read, port), `${port} of ${before} is in ${after}`)
      t.match(after, /^(?:[1-9]\d*(?:-[1-9]\d*)?(?:,[1-9]\d*(?:-[1-9]\d*)?)*)?$/, 'plain numbers and ranges')
      t.equal(canonicalList(after, add, web), after, 'a second time changes nothing')
    }),
    { numRuns: 300 },
  )
})
