import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** The records of JSON-lines files, plain or `.xz`. */
export function* readRecords(files: readonly string[]): Generator<Record<string, never>> {
  for (const file of files) {
    const text = file.endsWith('.xz')
      ? execFileSync('xz', ['-dc', file], { encoding: 'utf8', maxBuffer: 1 << 30 })
      : readFileSync(file, 'utf8')
    for (const line of text.split('\n')) if (line !== '') yield JSON.parse(line)
  }
}

/** Compares each record with our prediction: prints each disagreement, `N of M agree`, and answers the exit code. */
export function compareRecords(
  files: readonly string[],
  compare: (record: Record<string, never>) => { readonly ours: unknown; readonly theirs: unknown } | undefined,
): number {
  let agree = 0
  let all = 0
  for (const record of readRecords(files)) {
    const result = compare(record)
    if (result === undefined) continue
    all++
    const [ours, theirs] = [JSON.stringify(result.ours), JSON.stringify(result.theirs)]
    if (ours === theirs) agree++
    else console.log(`${String(record['id'])}: we say ${ours}, Linkerd said ${theirs}`)
  }
  console.log(`${agree} of ${all} agree`)
  return agree === all && all > 0 ? 0 : 1
}
