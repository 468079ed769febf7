import fc from 'fast-check'
import t from 'tap'
import { splitLines } from '../../src/cluster/split-lines.ts'

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}

const read = async (bytes: Buffer, sizes: readonly number[], most = 1_000_000) => {
  const lines: string[] = []
  for await (const line of splitLines(cut(bytes, sizes), most, () => {})) lines.push(line)
  return lines
}

t.test('it gives the same lines however the bytes are cut', async (t) => {
  const line = fc.string({ unit: 'grapheme', minLength: 1 }).map((text) => text.replaceAll('\n', ' '))
  await fc.assert(
    fc.asyncProperty(
      fc.array(line),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
      async (lines, sizes) => {
        t.same(await read(Buffer.from(lines.map((line) => `${line}\n`).join('')), sizes), lines)
      },
    ),
    { numRuns: 200 },
  )
})

t.test('it refuses a line that is too long before it has come whole, and one that is cut short', async (t) => {
  await t.rejects(read(Buffer.from('12345\n'), [6], 4), /longer than 4 bytes/)
  await t.rejects(read(Buffer.from('x'.repeat(100)), [1], 4), /longer than 4 bytes/)
  await t.rejects(read(Buffer.from('a\nb'), [1]), /in the middle of a line/)
  t.same(await read(Buffer.from('1234\n\n5\n'), [2], 4), ['1234', '5'])
})
