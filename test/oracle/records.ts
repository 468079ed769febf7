import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { defaultSettings, type LinkerdSettings } from '../../src/linkerd/settings.ts'

/** The records of JSON-lines files, plain or `.xz`; of a `.json` file its members, each with its key as `id`. */
export function* readRecords(files: readonly string[]): Generator<Record<string, never>> {
  for (const file of files) {
    const text = file.endsWith('.xz')
      ? execFileSync('xz', ['-dc', file], { encoding: 'utf8', maxBuffer: 1 << 30 })
      : readFileSync(file, 'utf8')
    if (file.endsWith('.json')) {
      for (const [id, member] of Object.entries(JSON.parse(text))) yield { id: id as never, member: member as never }
      continue
    }
    for (const line of text.split('\n')) if (line.trim() !== '') yield JSON.parse(line)
  }
}

/** Helm values under which Linkerd was recorded, by their name in the records. */
const variants: Readonly<Record<string, Partial<LinkerdSettings>>> = {
  default: {},
  cni: { cniEnabled: true },
  nonnative: { nativeSidecar: 'disabled' },
  noprojection: { serviceAccountTokenProjection: false },
  'opaque-custom': { opaquePorts: '3306,9042,27017,6379' },
  'opaque-none': { opaquePorts: '' },
}

/** What a variant sets, beside Linkerd's defaults. A variant nobody knows is an error: its records would prove nothing. */
export function settingsOf(variant: string): LinkerdSettings {
  const values = variants[variant]
  if (values === undefined) throw new Error(`no variant ${variant}`)
  return { ...defaultSettings, ...values }
}

/**
 * Compares every record with our prediction: prints each disagreement, `N of M agree`, and answers the exit code. Without a
 * single record there is nothing to rely on: that is a failure, too.
 *
 * @param compare answers undefined for a record that is not about us
 */
export function compareRecords(
  files: readonly string[],
  compare: (record: Record<string, never>) => { readonly ours: unknown; readonly theirs: unknown } | undefined,
): number {
  let agree = 0
  let all = 0
  for (const record of readRecords(files)) {
    const compared = compare(record)
    if (compared === undefined) continue
    const { ours, theirs } = compared
    all++
    const [one, other] = [JSON.stringify(ours), JSON.stringify(theirs)]
    if (one === other) agree++
    else console.log(`${String(record['id'])}: we say ${one}, Linkerd said ${other}`)
  }
  console.log(`${agree} of ${all} agree`)
  return agree === all && all > 0 ? 0 : 1
}
