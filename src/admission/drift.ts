import type { Snapshot } from '../core/snapshot.ts'
import { jsonEqual } from '../k8s/json.ts'
import { selects } from '../k8s/selector.ts'
import type { LabelSelector } from '../k8s/spec-shapes.ts'
import {
  bundleOf,
  entriesOf,
  type LiveEntry,
  leadsHere,
  type OwnNames,
  ownConfigurations,
} from './own-configurations.ts'
import type { Webhook } from './registration.ts'

/** In one word, how a configuration is not as it was installed. */
export type DriftReason =
  | 'missing'
  | 'entry-missing'
  | 'entry-unknown'
  | 'service'
  | 'ca-bundle'
  | 'rules-widened'
  | 'rules-narrowed'
  | 'namespace-selector-widened'
  | 'namespace-selector-narrowed'
  | 'object-selector'
  | 'match-conditions'
  | 'match-policy'
  /** What an installation may choose, and somebody has changed: choices.ts. */
  | 'failure-policy'
  | 'namespace-selector'

/** One way in which a configuration is not as it should be. */
export interface Drift {
  /** Its name. */
  readonly configuration: string
  readonly reason: DriftReason
  /** The entry, and what is wrong with it, in words. */
  readonly text: string
}

/** What is registered: the generator's entries for each of the two configurations. */
export interface Registration {
  readonly validating: readonly Webhook[]
  readonly mutating: readonly Webhook[]
}

/**
 * How our two configurations differ from what they must be. What an installation may choose for itself (failurePolicy, further
 * namespaces that are left out, timeouts) is not compared here: choices.ts.
 *
 * Nothing is said of what is not known.
 */
export function configurationDrift(snapshot: Snapshot, names: OwnNames, registration: Registration): readonly Drift[] {
  return ownConfigurations(snapshot, names).flatMap((configuration): Drift[] => {
    const { kind, name, live } = configuration
    if (live === 'unknown') return []
    if (live === undefined) return [{ configuration: name, reason: 'missing', text: `there is no ${kind} ${name}` }]
    const expected = kind === 'ValidatingWebhookConfiguration' ? registration.validating : registration.mutating
    const path = kind === 'ValidatingWebhookConfiguration' ? '/validate' : '/mutate'
    const entries = entriesOf(configuration)
    const drift = (reason: DriftReason, text: string): Drift => ({ configuration: name, reason, text })
    return [
      ...expected.flatMap((wanted) => {
        const entry = entries.find((one) => one.name === wanted.name)
        if (entry === undefined) return [drift('entry-missing', `there is no entry ${wanted.name}`)]
        return [...entryDrift(entry, wanted, names, path)].map(([reason, text]) =>
          drift(reason, `${wanted.name}: ${text}`),
        )
      }),
      ...entries
        .filter((entry) => !expected.some((wanted) => wanted.name === entry.name))
        .map((entry) => drift('entry-unknown', `nobody knows the entry ${entry.name}`)),
    ]
  })
}

function* entryDrift(
  entry: LiveEntry,
  wanted: Webhook,
  names: OwnNames,
  path: string,
): Generator<readonly [DriftReason, string]> {
  const { service, url } = entry.clientConfig ?? {}
  if (!leadsHere(entry, names) || (service?.path ?? '') !== path)
    yield [
      'service',
      `it leads to ${service ? `${service.namespace}/${service.name}${service.path ?? ''}` : url}, not to ${names.namespace}/${names.service}${path}`,
    ]
  if (bundleOf(entry) === undefined) yield ['ca-bundle', 'it has no caBundle']
  yield* rulesDrift(entry, wanted)
  yield* selectorDrift(entry, wanted, names)
  if (!jsonEqual(termsOf(entry.objectSelector), termsOf(wanted.objectSelector)))
    yield ['object-selector', 'its objectSelector is another one']
  const conditions = conditionsOf(wanted, names)
  const live = (entry.matchConditions ?? []).map((one) => [one?.name ?? '', one?.expression ?? ''] as const)
  const differs = live.length !== conditions.size || live.some(([name, text]) => conditions.get(name)?.(text) !== true)
  if (differs) yield ['match-conditions', 'its matchConditions are others']
  // The API server writes its default into what it stores.
  if ((entry.matchPolicy ?? 'Equivalent') !== wanted.matchPolicy)
    yield ['match-policy', `its matchPolicy is ${entry.matchPolicy}, not ${wanted.matchPolicy}`]
}

function* rulesDrift(entry: LiveEntry, wanted: Webhook): Generator<readonly [DriftReason, string]> {
  const live = callsOf(entry.rules ?? [])
  const expected = callsOf(wanted.rules)
  const [more] = live.difference(expected)
  const [less] = expected.difference(live)
  if (more !== undefined) yield ['rules-widened', `it is asked about ${more}`]
  if (less !== undefined) yield ['rules-narrowed', `it is not asked about ${less}`]
}

type LiveRules = NonNullable<LiveEntry['rules']>

/** Each combination that rules call for, `CREATE networking.k8s.io/* networkpolicies Namespaced`. */
function callsOf(rules: LiveRules): Set<string> {
  const calls = new Set<string>()
  for (const rule of rules)
    for (const operation of rule?.operations ?? [])
      for (const group of rule?.apiGroups ?? [])
        for (const version of rule?.apiVersions ?? [])
          for (const resource of rule?.resources ?? [])
            calls.add(`${operation} ${group}/${version} ${resource} ${rule?.scope ?? '*'}`)
  return calls
}

/**
 * The generated term names namespaces by their label. An installation replaces our usual namespace by its own and may leave out
 * more; it may neither let in one that must stay out, nor choose by anything else.
 */
function* selectorDrift(entry: LiveEntry, wanted: Webhook, names: OwnNames): Generator<readonly [DriftReason, string]> {
  const [{ key, operator }] = wanted.namespaceSelector.matchExpressions
  const selector = entry.namespaceSelector ?? {}
  const isIn = (namespace: string) => selects(selector, { [key]: namespace })
  if (operator === 'In') {
    if (!isIn(names.namespace)) yield ['namespace-selector-narrowed', 'it leaves out its own namespace']
    if (isIn('somewhere-else')) yield ['namespace-selector-widened', 'it lets in more than its own namespace']
    return
  }
  const inside = namespacesOutOf(wanted, names).find(isIn)
  if (inside !== undefined) yield ['namespace-selector-widened', `it lets in the namespace ${inside}`]
  const isUsual = (term: NonNullable<LabelSelector['matchExpressions']>[number]) =>
    term?.key === key && term.operator === operator
  const others = Object.keys(selector.matchLabels ?? {}).length > 0 || !(selector.matchExpressions ?? []).every(isUsual)
  if (others) yield ['namespace-selector-narrowed', 'it chooses namespaces by more than their names']
}

/** Where meshgate must not be asked: with our own namespace in the place of the usual one. */
export function namespacesOutOf(wanted: Webhook, { namespace }: OwnNames): string[] {
  const [{ values }] = wanted.namespaceSelector.matchExpressions
  return [...values.filter((name) => name !== usualNamespace), namespace]
}

const usualNamespace = 'meshgate'

const inScope = /^!\(request\.namespace in \[(.*)\]\)$/

/** What each condition's text must be. */
function conditionsOf(wanted: Webhook, names: OwnNames): Map<string, (text: string) => boolean> {
  return new Map(
    (wanted.matchConditions ?? []).map(({ name, expression }) => {
      if (!inScope.test(expression)) return [name, (text) => text === expression]
      const must = namespacesOutOf(wanted, names)
      return [
        name,
        (text) => {
          const listed = inScope.exec(text)?.[1]?.split(', ')
          return listed !== undefined && must.every((namespace) => listed.includes(`'${namespace}'`))
        },
      ]
    }),
  )
}

/** A selector without what means nothing. */
function termsOf(selector: LabelSelector | null | undefined): object {
  return { labels: selector?.matchLabels ?? {}, terms: selector?.matchExpressions ?? [] }
}
