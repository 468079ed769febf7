import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'

/*
 * Reliability, T47: whatever is in a file of up to 10 MiB, `check` ends, within 512 MiB, and says file and line. All cases run one
 * after the other in one process, so that none leaves anything behind either.
 */

const service = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n'
const wrong = 'apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {a: 5}}\n'
const laughs = Array.from({ length: 12 }, (_, i) => `a${i}: &a${i} [${i === 0 ? 'lol' : `*a${i - 1},`.repeat(9)}]\n`)
const abuse: Readonly<Record<string, readonly [status: number, text: string | Buffer]>> = {
  'billion laughs': [2, service + laughs.join('')],
  '100,000 aliases': [2, `${service}a: &a x\nb: [${'*a,'.repeat(100_000)}]\n`],
  'a map of 100,000 keys': [
    0,
    `${service}  labels:\n${Array.from({ length: 100_000 }, (_, i) => `    k${i}: v\n`).join('')}`,
  ],
  'a map that repeats 50,000 keys': [
    0,
    `${service}  labels:\n${Array.from({ length: 100_000 }, (_, i) => `    k${i % 50_000}: v\n`).join('')}`,
  ],
  'a key that is repeated 50,000 times': [0, `${service}  labels:\n${'    k: v\n'.repeat(50_000)}`],
  'depth 100,000': [2, `${service}a: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n`],
  'depth 100,000 in JSON': [
    2,
    `{"apiVersion":"v1","kind":"Service","metadata":{"name":5},"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  ],
  '100,000 bad escapes': [2, `${service}a: "${'\\q'.repeat(100_000)}"\n`],
  '20,000 documents': [2, `${service}---\n`.repeat(20_000)],
  '10 MiB and one byte': [2, Buffer.alloc(10 * 1024 * 1024 + 1, 'a')],
  'bytes at random': [2, Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919 + (i >> 3)) % 256))],
  'a wall of brackets': [2, '['.repeat(9_000_000)],
  '3 million empty objects': [2, '{}'.repeat(3_000_000)],
  '2 million markers': [2, '---\n'.repeat(2_000_000)],
  'blank lines': [2, `${'\n'.repeat(9_000_000)}${service}`],
  'directives without end': [2, '%a\n'.repeat(3_000_000)],
  'values without end': [2, `${wrong}x:\n${'- b: {c: [d]}\n'.repeat(700_000)}`],
  'JSON values without end': [
    2,
    `{"apiVersion":"v1","kind":"Service","metadata":{"name":5},"x":[${'{},'.repeat(3_000_000)}1]}`,
  ],
  'thousands of crowded documents': [2, `a: [${'{},'.repeat(380)}]\n---\n`.repeat(9000)],
  'a mistake in a crowded document': [2, `${wrong}x:\n${'- b: {c: [d]}\n'.repeat(38_000)}`],
}

t.test('it survives any file', { timeout: 120_000 }, async (t) => {
  const folder = t.testdir(
    Object.fromEntries(Object.values(abuse).map(([, text], i) => [`${i}.yaml`, text])) as Parameters<
      typeof t.testdir
    >[0],
  )
  const files = Object.keys(abuse).map((_, i) => join(folder, `${i}.yaml`))
  const { NODE_OPTIONS: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--max-old-space-size=400', join(import.meta.dirname, 'check-each.ts'), ...files],
    { encoding: 'utf8', env, maxBuffer: 2 ** 28 },
  )
  t.equal(status, 0, stderr)
  const lines = stdout.trimEnd().split('\n')
  for (const [i, [name, [expected]]] of Object.entries(abuse).entries()) {
    const answer: unknown = JSON.parse(lines[i] ?? 'null')
    const failure = expected === 2 ? { file: files[i], line: Number, column: Number, text: String } : undefined
    t.match(answer, { status: expected, failure }, `${name}: ${lines[i]}`)
  }
  const { peakMiB } = JSON.parse(lines.at(-1) ?? '{}')
  t.comment(`peak ${peakMiB} MiB`)
  t.ok(peakMiB < 512, 'it needs less than 512 MiB')
})
