import t from 'tap'
import { anyMatches, imageMatches } from '../../../src/linkerd/protocols/word-patterns.ts'

const table: readonly (readonly [pattern: string, texts: readonly string[], others: readonly string[]])[] = [
  ['nats', ['nats'], ['natsx', 'xnats', 'NATS', '']],
  ['mongo*', ['mongo', 'mongodb'], ['percona-mongo', 'mong']],
  ['*-exporter', ['mysql-exporter', '-exporter'], ['exporter', 'mysql-exporter-2']],
  ['a*b*c', ['abc', 'axbyc', 'abbc', 'abcbc'], ['ac', 'acb', 'ab', 'bc']],
  ['ab*ba', ['abba', 'abxba'], ['aba', 'ab']],
  ['a*b*b', ['abb', 'axbxb'], ['ab', 'axb']],
  ['*', ['x', '*'], ['']],
  ['a**b', ['ab', 'axb'], ['a', 'b']],
]

t.test('it matches whole texts, in which a star stands for any text', async (t) => {
  for (const [pattern, texts, others] of table) {
    const patterns = [pattern]
    for (const text of texts) t.ok(anyMatches(patterns, [text]), `${pattern} and ${text}`)
    for (const text of others) t.notOk(anyMatches(patterns, [text]), `${pattern} and not ${text}`)
  }
})

t.test('one pattern and one text are enough, and where there are none nothing matches', async (t) => {
  t.ok(anyMatches(['x', 'y*'], [null, undefined, 'z', 'yes']))
  t.notOk(anyMatches(['x'], []))
  t.notOk(anyMatches([], ['x']))
  t.notOk(anyMatches(undefined, ['x']))
  t.notOk(anyMatches(['x'], undefined))
})

t.test('it knows an image by the end of its name, whatever its registry, tag and digest', async (t) => {
  for (const image of ['nats', 'nats:2', 'library/nats', 'host:5000/library/nats:2.10@sha256:00', 'nats@sha256:00'])
    t.ok(imageMatches(['nats'], image), image)
  t.ok(imageMatches(['mssql/server'], 'host/mssql/server:2022'))
  for (const image of ['', 'nats/exporter', 'natsbox', undefined]) t.notOk(imageMatches(['nats'], image), `${image}`)
})
