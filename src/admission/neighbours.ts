import { analyse, type Doubt } from '../core/analyse.ts'
import { type Enforced, enforce } from '../core/enforce.ts'
import { confidences, type Failure, type Finding } from '../core/finding.ts'
import type { Change, Rule } from '../core/rule.ts'
import { isSameObject, partitionOf, type Snapshot } from '../core/snapshot.ts'
import { viewOf } from '../core/view.ts'
import { type KindName, kinds } from '../k8s/kinds.ts'
import { isMadeByController, type Resource } from '../k8s/resource.ts'
import { settingsAmong } from '../linkerd/injection/injector-reach.ts'
import { isNamespaceChange, isTelling } from '../linkerd/policies/changes.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import type { Court, Verdict } from './court.ts'

/** More objects than a person has beside one; whoever has more is told to have them audited. */
const mostNeighbours = 200

/** What a change does to other objects. */
type Consequences = Pick<Verdict, 'elsewhere' | 'doubts' | 'notes' | 'failures'>

/**
 * What the change does to the objects beside it: findings there that were not there before. Only rules that read the
 * subject's kind can change their minds: about objects of its namespace, and about those elsewhere that a rule says it may
 * ({@link Rule.elsewhere}), together at most two hundred for each rule, those of the namespace first. Pods among them are left to
 * the workloads they come from; and what a controller makes, its owner has answered for.
 */
export function judgeNeighbours(subject: Resource, before: Snapshot, after: Snapshot, court: Court): Consequences {
  const elsewhere: Enforced[] = []
  const doubts: Doubt[] = []
  const failures: Failure[] = []
  const notes: string[] = []
  const consequences: Consequences = { elsewhere, doubts, notes, failures }
  let mostLeft = 0
  if (court.snapshot.scope !== 'cluster' || isMadeByController(subject.metadata)) return consequences
  const change: Change = { before: sameIn(before, subject), after: sameIn(after, subject) }
  if (isNamespaceChange(change) && !isTelling(change)) return consequences

  const settings = settingsAmong(court.snapshot, court.config.linkerd, 'admitted')
  const judgeIn = (snapshot: Snapshot, subjects: Iterable<Resource>, rules: Court['rules']) =>
    analyse({ subjects, snapshot, rules, settings, stage: 'admitted' })
  for (const { alone, judgedKinds } of readersOf(subject.kind, court.rules)) {
    const [rule] = alone
    const { found: neighbours, failed } = neighboursOf(change, subject, after, rule, judgedKinds, settings)
    failures.push(...failed)
    const again = inTime(neighbours.slice(0, mostNeighbours), court)
    const judged = neighbours.length === 0 ? unasked : judgeIn(after, again.subjects, alone)
    failures.push(...judged.failures)
    const unlisted = judgedKinds.flatMap((kind): Doubt[] => {
      const trouble = court.snapshot.trouble(kind)
      return trouble ? [{ rule: rule.id, kind, trouble }] : []
    })
    doubts.push(...new Map([...unlisted, ...judged.doubts].map((doubt) => [doubt.kind, doubt])).values())

    if (judged.findings.length === 0) {
      mostLeft = Math.max(mostLeft, neighbours.length - again.seen.size)
      continue
    }
    // Whether a finding is new is not known of what there was no time to compare.
    const compared = inTime(new Set(judged.findings.map((finding) => finding.subject)), court)
    const known = Map.groupBy(judgeIn(before, compared.subjects, alone).findings, placeOf)
    const isNew = (finding: Finding) => !known.get(placeOf(finding))?.some((old) => isAsSure(old, finding))
    const fresh = judged.findings.filter((finding) => compared.seen.has(finding.subject) && isNew(finding))
    const among = { snapshot: after, now: court.now, wasThere: () => true }
    elsewhere.push(...enforce(fresh, court.config.enforcement, among).enforced)

    const left = neighbours.length - again.seen.size + compared.left()
    mostLeft = Math.max(mostLeft, left)
  }
  if (mostLeft > 0) notes.push(`${mostLeft} objects beside it were not judged again; run meshgate check on them`)
  return consequences
}

const unasked: ReturnType<typeof analyse> = { findings: [], failures: [], doubts: [] }

/** The object itself, where it is there. */
function sameIn(snapshot: Snapshot, subject: Resource): Resource | undefined {
  const { kind, namespace } = partitionOf(subject)
  return snapshot.inNamespace(kind, namespace).find((other) => isSameObject(other, subject))
}

/** Objects about which the rule may change its mind, nearest first. */
function neighboursOf(
  change: Change,
  subject: Resource,
  after: Snapshot,
  rule: Rule<LinkerdSettings>,
  judgedKinds: readonly KindName[],
  settings: LinkerdSettings,
): { readonly found: readonly Resource[]; readonly failed: readonly Failure[] } {
  const found = new Set<Resource>()
  const take = (others: Iterable<Resource>) => {
    for (const other of others) if (!isSameObject(other, subject)) found.add(other)
  }
  const { namespace } = partitionOf(subject)
  // What is in no namespace has nothing beside it, even where one has its name.
  if (subject.kind === 'Namespace' || kinds[subject.kind].namespaced)
    for (const kind of judgedKinds)
      if (kind === 'Namespace' || kinds[kind].namespaced) take(after.inNamespace(kind, namespace))
  try {
    take(rule.elsewhere?.(change, viewOf(after, rule.reads, settings, 'admitted')) ?? [])
  } catch (error) {
    return { found: [...found], failed: [{ rule: rule.id, subject, error }] }
  }
  return { found: [...found], failed: [] }
}

/** A rule that may change its mind when an object of some kind changes. */
interface Reader {
  readonly alone: readonly [Rule<LinkerdSettings>]
  /** Kinds of objects that it judges, and of which the surroundings are known. */
  readonly judgedKinds: readonly KindName[]
}

const readers = new WeakMap<Court['rules'], Map<KindName, readonly Reader[]>>()

/** By list of rules: what concerns a kind is not sought out again for each review. */
function readersOf(kind: KindName, rules: Court['rules']): readonly Reader[] {
  let byKind = readers.get(rules)
  if (byKind === undefined) readers.set(rules, (byKind = new Map()))
  let found = byKind.get(kind)
  if (found === undefined) {
    const read = new Set(rules.flatMap(({ reads }) => reads))
    found = rules
      .filter(({ reads }) => reads.includes(kind))
      .map((rule) => ({
        alone: [rule],
        judgedKinds: (Object.keys(rule.check) as KindName[]).filter((one) => one !== 'Pod' && read.has(one)),
      }))
    byKind.set(kind, found)
  }
  return found
}

/** Those of the resources that there is time for, as they are asked for; afterwards, which they were and how many are left. */
function inTime(resources: Iterable<Resource>, { outOfTime = () => false }: Court) {
  const all = [...resources]
  const seen = new Set<Resource>()
  const subjects = (function* () {
    for (const resource of all) {
      if (outOfTime()) return
      seen.add(resource)
      yield resource
    }
  })()
  return { subjects, seen, left: () => all.length - seen.size }
}

/** Where a finding stands. Of an object that does not change, the words may: they name one of many that it cannot reach. */
function placeOf({ rule, message, subject, path }: Finding): string {
  return JSON.stringify([rule, message, subject.kind, subject.namespace, subject.name, path])
}

/** A finding that was only feared, since a workload might come, is news to whoever brings it. */
function isAsSure(old: Finding, now: Finding): boolean {
  return confidences.indexOf(old.confidence) <= confidences.indexOf(now.confidence)
}
