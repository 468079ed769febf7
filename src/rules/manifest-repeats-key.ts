import { formatPath, isObject, jsonEqual, own, type Path, valueAt } from '../k8s/json.ts'
import { type KindName, kinds } from '../k8s/kinds.ts'
import { describe, type Repeat, type Resource } from '../k8s/resource.ts'
import { configPrefixes, ownPrefix } from '../linkerd/facts.ts'
import { defineRule } from '../linkerd/rule.ts'

export const manifestRepeatsKey = defineRule({
  id: 'manifest-repeats-key',
  severity: 'error',
  judges: 'declared',
  summary: 'A manifest must not write a key twice in one map: the last entry counts, and the others are lost.',
  why: `YAML forbids it, but kubectl reads such a file without a word and keeps the last entry only, in JSON as well. After a second \`annotations:\` block nothing is left of the first, with \`linkerd.io/inject\` in it:
the Pods start outside the mesh. The cluster never sees what was lost, so nothing there can tell. kustomize, and with it Flux, refuses the file.`,
  remediation: 'Make one of the entries, and delete the others.',
  limits: `An error where Linkerd's configuration is lost, otherwise a warning; where the entries say the same, an info. A key that overrides one which \`<<\` brings repeats nothing. Only files are judged: an object in a cluster has no
repeated keys. Objects of other kinds are not judged; of a \`List\`, items that stand twice are a failure to read.`,
  sources: ['https://yaml.org/spec/1.2.2/#3213-node-comparison', 'kubectl 1.37 annotate --local (ran)'],
  messages: {
    lost: '{{key}} of {{object}} is written several times: the last entry counts, so {{what}} is lost here; write the key once',
    same: '{{key}} of {{object}} is written several times, and the last entry says all that this one says; delete this one',
  },
  reads: [],
  check: Object.fromEntries((Object.keys(kinds) as KindName[]).map((kind) => [kind, judge])),
})

function* judge(subject: Resource) {
  for (const { path, entry, lost } of subject.repeats ?? []) {
    const data = { key: formatPath(path), object: describe(subject) }
    const common = { path, entry, confidence: 'high' } as const
    const gone = goneWith(lost, valueAt(subject.wire, path))
    if (gone === undefined) yield { message: 'same', ...common, severity: 'info', data } as const
    else {
      const severity = isLinkerds(path, gone) ? 'error' : 'warning'
      yield { message: 'lost', ...common, severity, data: { ...data, what: wordsFor(lost, gone) } } as const
    }
  }
}

/** Keys of a lost map that the one that counts does not have, or has with another value; of other values none, if they differ. */
function goneWith(lost: Repeat['lost'], counts: unknown): readonly string[] | undefined {
  if (!isObject(lost)) return jsonEqual(lost, counts) ? undefined : []
  const other = isObject(counts) ? counts : {}
  const keys = Object.keys(lost).filter((key) => !jsonEqual(lost[key], own(other, key)))
  return keys.length > 0 || (!isObject(counts) && counts !== null) ? keys : undefined
}

function isLinkerds(path: Path, keys: readonly string[]): boolean {
  return [...path, ...keys].some((key) => prefixes.some((prefix) => String(key).startsWith(prefix)))
}

const prefixes = [ownPrefix, ...Object.values(configPrefixes)]

const mostNamed = 3
const longestValue = 40

/** What is lost, in words: the first keys of a map, how long a list is, what a scalar says. */
function wordsFor(lost: Repeat['lost'], keys: readonly string[]): string {
  if (keys.length > 0) {
    const more = keys.length > mostNamed ? ` and ${keys.length - mostNamed} more` : ''
    return `${keys.slice(0, mostNamed).join(', ')}${more}`
  }
  if (Array.isArray(lost)) return lost.length === 1 ? 'a list of one item' : `a list of ${lost.length} items`
  if (isObject(lost)) return 'a map'
  const text = JSON.stringify(lost)
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text
}
