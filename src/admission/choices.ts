import type { Snapshot } from '../core/snapshot.ts'
import { type Drift, namespacesOutOf, type Registration } from './drift.ts'
import { entriesOf, type OwnNames, ownConfigurations } from './own-configurations.ts'

/** What an installation chose for one entry where it may choose. */
export interface Choice {
  /** Of the configuration. */
  readonly configuration: string
  readonly entry: string
  readonly reason: 'failure-policy' | 'namespace-selector'
  readonly value: string
  /** Where it is not what the generator would choose, in words. */
  readonly unusual: string | undefined
}

/** What this installation chose where it may, as far as its configurations are known. */
export function choicesIn(snapshot: Snapshot, names: OwnNames, registration: Registration): readonly Choice[] {
  return ownConfigurations(snapshot, names).flatMap((own) => {
    const expected = own.kind === 'ValidatingWebhookConfiguration' ? registration.validating : registration.mutating
    return entriesOf(own).flatMap((entry): Choice[] => {
      const wanted = expected.find(({ name }) => name === entry.name)
      if (wanted === undefined) return []
      const of = { configuration: own.name, entry: wanted.name }
      const policy = entry.failurePolicy ?? 'Fail'
      const isUsual = policy === wanted.failurePolicy
      const must = namespacesOutOf(wanted, names)
      const listed = (entry.namespaceSelector?.matchExpressions ?? []).flatMap((term) => term?.values ?? [])
      const more = listed.flatMap((namespace) => (namespace === null || must.includes(namespace) ? [] : [namespace]))
      const value = more.toSorted().join(', ')
      return [
        {
          ...of,
          reason: 'failure-policy',
          value: policy,
          unusual: isUsual ? undefined : `failurePolicy is ${policy}, not ${wanted.failurePolicy}`,
        },
        {
          ...of,
          reason: 'namespace-selector',
          value,
          unusual: value === '' ? undefined : `it leaves out ${value} as well`,
        },
      ]
    })
  })
}

/** So long, a change of what may be chosen is told of: somebody should know of it, and it may be meant. */
const tellForMs = 3_600_000

/** What was chosen before. */
export interface ChoiceMemory {
  /** What has changed in the last hour, compared with before. What is seen for the first time is no change. */
  changes(choices: readonly Choice[], nowMs: number): readonly Drift[]
}

export function createChoiceMemory(): ChoiceMemory {
  const known = new Map<string, { before: string; changedMs: number | undefined }>()
  return {
    changes: (choices, nowMs) =>
      choices.flatMap(({ configuration, entry, reason, value }): Drift[] => {
        const key = `${configuration} ${entry} ${reason}`
        const memory = known.get(key)
        if (memory === undefined) {
          known.set(key, { before: value, changedMs: undefined })
          return []
        }
        if (memory.before === value) {
          memory.changedMs = undefined
          return []
        }
        memory.changedMs ??= nowMs
        if (nowMs - memory.changedMs >= tellForMs) {
          known.set(key, { before: value, changedMs: undefined })
          return []
        }
        const text = `${entry}: ${reason} was ${memory.before || 'as usual'} and is ${value || 'as usual'} now`
        return [{ configuration, reason, text }]
      }),
  }
}
