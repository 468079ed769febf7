import { BlockList } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { type AddressRange, parseCidr, rangesOverlap, subtractRanges } from '../../src/policy/cidr.ts'

t.test('it reads what the API server takes, and nothing else', async (t) => {
  const ranges: readonly (readonly [string, 4 | 6, bigint, bigint])[] = [
    ['0.0.0.0/0', 4, 0n, 0xffffffffn],
    ['10.0.0.0/8', 4, 0x0a000000n, 0x0affffffn],
    ['10.1.2.3/8', 4, 0x0a000000n, 0x0affffffn],
    ['10.1.2.3/32', 4, 0x0a010203n, 0x0a010203n],
    ['::/0', 6, 0n, (1n << 128n) - 1n],
    ['::1/128', 6, 1n, 1n],
    ['fd00::/8', 6, 0xfdn << 120n, (0xfen << 120n) - 1n],
    ['1:2:3:4:5:6:7:8/128', 6, 0x00010002000300040005000600070008n, 0x00010002000300040005000600070008n],
    ['::ffff:10.0.0.1/128', 6, 0xffff0a000001n, 0xffff0a000001n],
  ]
  for (const [text, family, from, to] of ranges) t.same(parseCidr(text), { family, from, to }, text)
  for (const text of [
    '',
    '10.0.0.0',
    '10.0.0/8',
    '10.0.0.0/33',
    '256.0.0.0/8',
    '10.0.0.0/-1',
    '10.0.0.0/8 x',
    ':::/0',
    '1::2::3/64',
    '1:2:3:4:5:6:7/64',
    '1:2:3:4:5:6:7::8/64',
    '1.2.3.4::/64',
    '::1.2.3.4:5/64',
    '::g/64',
    '::/129',
    '${CIDR}',
  ])
    t.equal(parseCidr(text), undefined, JSON.stringify(text))
})

// Few high bytes and short prefixes, so that ranges meet.
const v4 = fc
  .tuple(fc.constantFrom(0, 10, 11, 127, 128, 255), fc.nat(3), fc.nat(255))
  .map((parts) => `${parts.join('.')}.7`)
const v6 = fc.tuple(fc.constantFrom('fd00', 'fd01', '2001', ''), fc.nat(3)).map(([head, tail]) => `${head}::${tail}`)
const block = fc.oneof(
  fc.tuple(v4, fc.nat(32)).map(([address, length]) => `${address}/${length}`),
  fc.tuple(v6, fc.nat(128)).map(([address, length]) => `${address}/${length}`),
)
const address = fc.oneof(v4, v6)

function rangeOf(text: string): AddressRange {
  const range = parseCidr(text)
  if (!range) throw new Error(text)
  return range
}

/** As Node reads CIDRs. It takes an IPv4 address for a mapped IPv6 one, too; Kubernetes keeps the families apart. */
function isIn(text: string, cidrs: readonly string[]): boolean {
  const list = new BlockList()
  const isV6 = (one: string) => one.includes(':')
  const family = isV6(text) ? 'ipv6' : 'ipv4'
  for (const cidr of cidrs.filter((one) => isV6(one) === isV6(text))) {
    const [net = '', length] = cidr.split('/')
    list.addSubnet(net, Number(length), family)
  }
  return list.check(text, family)
}

t.test('it subtracts and overlaps as sets do', async (t) => {
  const numRuns = 10_000
  fc.assert(
    fc.property(block, fc.array(block, { maxLength: 3 }), address, (whole, others, one) => {
      const rest = subtractRanges(rangeOf(whole), others.map(rangeOf))
      const point = rangeOf(`${one}/${one.includes(':') ? 128 : 32}`)
      const left = rest.some((range) => rangesOverlap(range, point))
      return left === (isIn(one, [whole]) && !isIn(one, others))
    }),
    { numRuns, seed: 13 },
  )
  t.comment(`${numRuns} cases`)
})
