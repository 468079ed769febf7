import fc from 'fast-check'
import t from 'tap'
import {
  addBit,
  addBits,
  type Bits,
  bitsIn,
  emptyBits,
  firstBit,
  hasBit,
  keepBits,
  removeBit,
  removeBits,
} from '../../src/policy/bits.ts'

const size = 100
const members = fc.uniqueArray(fc.nat(size - 1), { maxLength: 40 })

function bitsOf(numbers: Iterable<number>): Bits {
  const bits = emptyBits(size)
  for (const number of numbers) addBit(bits, number)
  return bits
}

/** One after the other, as whoever uses them takes them out. */
function numbersIn(bits: Bits): number[] {
  const seen = emptyBits(size)
  const numbers: number[] = []
  for (let next = firstBit(bits, bits); next >= 0; next = firstBit(bits, bits, seen)) {
    numbers.push(next)
    addBit(seen, next)
  }
  return numbers
}

const ascending = (numbers: Iterable<number>) => [...numbers].toSorted((a, b) => a - b)

t.test('it adds, removes and combines as sets do', async (t) => {
  fc.assert(
    fc.property(members, members, fc.nat(size - 1), (left, right, one) => {
      const [a, b] = [new Set(left), new Set(right)]
      const combined = (change: (bits: Bits, others: Bits) => void) => {
        const [bits, others] = [bitsOf(a), bitsOf(b)]
        change(bits, others)
        t.strictSame(numbersIn(others), ascending(b), 'the other stays as it is')
        return numbersIn(bits)
      }
      t.strictSame(combined(addBits), ascending(a.union(b)))
      t.strictSame(combined(keepBits), ascending(a.intersection(b)))
      t.strictSame(combined(removeBits), ascending(a.difference(b)))
      t.strictSame(
        combined((bits) => addBit(bits, one)),
        ascending(new Set([...a, one])),
      )
      t.strictSame(
        combined((bits) => removeBit(bits, one)),
        ascending(a.difference(new Set([one]))),
      )
      t.strictSame([...bitsIn(bitsOf(a))], ascending(a))
      t.equal(hasBit(bitsOf(a), one), a.has(one))
    }),
    { numRuns: 500, seed: 23 },
  )
})

t.test('it finds the lowest that is in both and not left out', async (t) => {
  fc.assert(
    fc.property(members, members, members, (bits, mask, without) => {
      const left = new Set(bits).intersection(new Set(mask)).difference(new Set(without))
      t.equal(firstBit(bitsOf(bits), bitsOf(mask), bitsOf(without)), ascending(left)[0] ?? -1)
    }),
    { numRuns: 500, seed: 24 },
  )
})
