import t from 'tap'
import { plainLog } from '../../src/server/plain-log.ts'

t.test('it writes an event as a line of ASCII, and cuts long texts', async (t) => {
  const lines: string[] = []
  const log = plainLog({ write: (line) => lines.push(line) })
  const rude = 'a\n{"level":60}\u001B[2J\u009B31m\u202E\u2028ü😀'
  log.write(`${JSON.stringify({ level: 30, msg: rude })}\n`)
  log.write(`${JSON.stringify({ level: 50, err: { message: rude.repeat(20_000) }, msg: 'x' })}\n`)
  for (const line of lines) t.match(line, /^[\x20-\x7E]+\n$/)
  t.same(JSON.parse(lines[0] ?? ''), { level: 30, msg: rude }, 'nothing is lost')
  t.ok((lines[1] ?? '').length < 30_000)
  t.match(JSON.parse(lines[1] ?? ''), { level: 50, err: { message: /^a\n.*… \(\d+ characters\)$/s }, msg: 'x' })
})
