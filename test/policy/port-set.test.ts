import fc from 'fast-check'
import t from 'tap'
import {
  allPorts,
  formatPorts,
  hasPort,
  type PortSet,
  portDifference,
  portIntersection,
  portSet,
  portsOf,
  portUnion,
} from '../../src/policy/port-set.ts'

t.test('it merges what overlaps or touches', async (t) => {
  const table: readonly (readonly [readonly (readonly [number, number])[], PortSet])[] = [
    [[], []],
    [[[9, 8]], []],
    [[[8, 8]], [[8, 8]]],
    [
      [
        [9, 10],
        [5, 8],
      ],
      [[5, 10]],
    ],
    [
      [
        [1, 100],
        [20, 30],
      ],
      [[1, 100]],
    ],
    [
      [
        [7, 7],
        [5, 5],
        [7, 7],
      ],
      [
        [5, 5],
        [7, 7],
      ],
    ],
  ]
  for (const [intervals, expected] of table) t.same(portSet(intervals), expected)
})

t.test('it writes ports as people do', async (t) => {
  t.equal(formatPorts(portsOf([9000, 8080, 9001])), '8080, 9000-9001')
  t.equal(formatPorts(allPorts), '1-65535')
  t.equal(formatPorts([]), '')
})

// A small universe, so that edges meet.
const highest = 12
const intervals = fc.array(fc.tuple(fc.nat(highest), fc.nat(highest)), { maxLength: 4 })
const universe = Array.from({ length: highest + 2 }, (_, port) => port)
const members = (set: PortSet) => new Set(universe.filter((port) => hasPort(set, port)))

function isCanonical(set: PortSet): boolean {
  return set.every(([from, to], i) => from <= to && from > (set[i - 1]?.[1] ?? -2) + 1)
}

t.test('it is a set', async (t) => {
  const numRuns = 20_000
  fc.assert(
    fc.property(intervals, intervals, (one, two) => {
      const named = new Set(one.flatMap(([from, to]) => universe.filter((port) => from <= port && port <= to)))
      const [left, right] = [portSet(one), portSet(two)]
      const [a, b] = [members(left), members(right)]
      const checks: readonly (readonly [PortSet, ReadonlySet<number>])[] = [
        [left, named],
        [portUnion(left, right), a.union(b)],
        [portDifference(left, right), a.difference(b)],
        [portIntersection(left, right), a.intersection(b)],
      ]
      return checks.every(
        ([set, expected]) => isCanonical(set) && members(set).symmetricDifference(expected).size === 0,
      )
    }),
    { numRuns, seed: 11 },
  )
  t.comment(`${numRuns} cases`)
})
