import { Trouble } from './trouble.ts'

/**
 * Cuts a stream of bytes into its lines, without their ends. The rest after the last one is not a line: it was cut short.
 *
 * @param mostBytes of one line
 * @param heard told of each piece
 * @throws a Trouble when a line is longer, or the last one is cut short
 */
export async function* splitLines(
  stream: AsyncIterable<Buffer>,
  mostBytes: number,
  heard: () => void,
): AsyncGenerator<string> {
  let begun: Buffer[] = []
  let bytes = 0
  for await (const piece of stream) {
    heard()
    let start = 0
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, start)) {
      const last = piece.subarray(start, end)
      bytes += last.length
      if (bytes > mostBytes) throw tooLong(mostBytes)
      const line = begun.length === 0 ? last : Buffer.concat([...begun, last])
      begun = []
      bytes = 0
      start = end + 1
      if (line.length > 0) yield line.toString('utf8')
    }
    if (start === piece.length) continue
    begun.push(piece.subarray(start))
    bytes += piece.length - start
    if (bytes > mostBytes) throw tooLong(mostBytes)
  }
  if (bytes > 0) throw new Trouble('corrupt', 'the stream ended in the middle of a line')
}

function tooLong(mostBytes: number): Trouble {
  return new Trouble('corrupt', `a line of the stream is longer than ${mostBytes} bytes`)
}
