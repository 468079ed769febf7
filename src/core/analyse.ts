import type { KindName } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'
import type { Reads } from './derivations.ts'
import type { Failure, Finding } from './finding.ts'
import { type KindSet, kindsIn, setOfKinds } from './kind-set.ts'
import { fill, type Rule } from './rule.ts'
import type { Snapshot, Trouble } from './snapshot.ts'
import { type Stage, sharedViewOf, type View } from './view.ts'

export interface Analysis<S> {
  readonly subjects: Iterable<Resource>
  /** The world, with the subjects in it. */
  readonly snapshot: Snapshot
  readonly rules: readonly Rule<S>[]
  readonly settings: S
  readonly stage: Stage
  /** Filled with the places that rules look at. */
  readonly reads?: Reads
  /** Told of each kind a rule reads (for the test that compares with `reads`). */
  readonly onRead?: (rule: string, kind: KindName) => void
}

/** A rule looked at a kind that cannot be relied on: its findings are left out (unsynced), or not sure (stale). */
export interface Doubt {
  readonly rule: string
  readonly kind: KindName
  readonly trouble: Trouble
}

/**
 * Every finding of every rule on every subject, in the order of subjects, then rules, then what the rule reports.
 * A rule that throws becomes a failure and hides nothing else.
 *
 * What rests on a kind that was never read whole is not found; on one that was not heard of for a while, not with high
 * confidence. Either way a doubt says so.
 */
export function analyse<S>(analysis: Analysis<S>): { findings: Finding[]; failures: Failure[]; doubts: Doubt[] } {
  const findings: Finding[] = []
  const failures: Failure[] = []
  const doubts: Doubt[] = []
  const { snapshot, settings, stage, onRead } = analysis
  const runs = runsOf(analysis.rules, stage)
  const shared = sharedViewOf(snapshot, settings, stage, analysis.reads)

  for (const subject of analysis.subjects) {
    for (const { rule, may, check } of runs.get(subject.kind) ?? []) {
      shared.begin(may)
      const found: Finding[] = []
      try {
        for (const report of check(subject, shared.view)) found.push(toFinding(rule, subject, report))
      } catch (error) {
        failures.push({ rule: rule.id, subject, error })
      }
      const doubted: Doubt[] = []
      for (const kind of kindsIn(shared.read())) {
        onRead?.(rule.id, kind)
        const trouble = snapshot.trouble(kind)
        if (trouble) doubted.push({ rule: rule.id, kind, trouble })
      }
      doubts.push(...doubted)
      if (found.length > 0) findings.push(...weighed(found, doubted))
    }
  }
  return { findings, failures, doubts }
}

/** A rule that judges a kind, and how. */
interface Run<S> {
  readonly rule: Rule<S>
  readonly may: KindSet
  readonly check: (subject: Resource, view: View<KindName, S>) => Iterable<Reported>
}

type Runs<S> = ReadonlyMap<KindName, readonly Run<S>[]>

/** By list of rules: what concerns a kind is not sought out again for each review. */
const known = new WeakMap<readonly unknown[], Partial<Record<Stage, Runs<never>>>>()

function runsOf<S>(rules: readonly Rule<S>[], stage: Stage): Runs<S> {
  let stages = known.get(rules) as Partial<Record<Stage, Runs<S>>> | undefined
  if (stages === undefined) known.set(rules, (stages = {}))
  return (stages[stage] ??= sortByKind(rules, stage))
}

function sortByKind<S>(rules: readonly Rule<S>[], stage: Stage): Runs<S> {
  const runs = new Map<KindName, Run<S>[]>()
  for (const rule of rules) {
    if (rule.judges !== 'both' && rule.judges !== stage) continue
    const may = setOfKinds(rule.reads)
    for (const [kind, check] of Object.entries(rule.check) as [KindName, Run<S>['check'] | undefined][]) {
      if (check === undefined) continue
      const others = runs.get(kind)
      if (others) others.push({ rule, may, check })
      else runs.set(kind, [{ rule, may, check }])
    }
  }
  return runs
}

function weighed(findings: readonly Finding[], doubts: readonly Doubt[]): readonly Finding[] {
  if (doubts.length === 0) return findings
  if (doubts.some(({ trouble }) => trouble.as === 'unsynced')) return []
  return findings.map((finding) => (finding.confidence === 'high' ? { ...finding, confidence: 'medium' } : finding))
}

type Reported = NonNullable<Rule<unknown>['check'][KindName]> extends (...args: never) => Iterable<infer R> ? R : never

function toFinding<S>(rule: Rule<S>, subject: Resource, report: Reported): Finding {
  const template = Object.hasOwn(rule.messages, report.message) ? rule.messages[report.message] : undefined
  if (template === undefined) throw new Error(`rule ${rule.id} has no message ${report.message}`)
  return {
    rule: rule.id,
    message: report.message,
    text: fill(template, report.data),
    severity: report.severity ?? rule.severity,
    confidence: report.confidence,
    subject,
    path: report.path,
    ...(report.entry === undefined ? {} : { entry: report.entry }),
    ...(report.fix ? { fix: report.fix } : {}),
  }
}
