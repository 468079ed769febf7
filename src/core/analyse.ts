import type { KindName } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'
import type { Failure, Finding } from './finding.ts'
import { kindsIn, noKinds, unionOfKinds } from './kind-set.ts'
import { fill, type Rule } from './rule.ts'
import type { Snapshot, Trouble } from './snapshot.ts'
import { type Stage, type View, viewOf } from './view.ts'

export interface Analysis<S> {
  readonly subjects: Iterable<Resource>
  /** The world, with the subjects in it. */
  readonly snapshot: Snapshot
  readonly rules: readonly Rule<S>[]
  readonly settings: S
  readonly stage: Stage
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
  let read = noKinds
  const { snapshot, settings, stage, onRead } = analysis
  const runs = analysis.rules
    .filter((rule) => rule.judges === 'both' || rule.judges === stage)
    .map((rule): Run<S> => ({ rule, view: undefined }))

  for (const subject of analysis.subjects) {
    for (const run of runs) {
      const { rule } = run
      const check = rule.check[subject.kind] as
        | ((subject: Resource, seen: View<KindName, S>) => Iterable<Reported>)
        | undefined
      if (check === undefined) continue
      const view = (run.view ??= viewOf(snapshot, rule.reads, settings, stage, (kinds) => {
        read = unionOfKinds(read, kinds)
      }))
      read = noKinds
      const found: Finding[] = []
      try {
        for (const report of check(subject, view)) found.push(toFinding(rule, subject, report))
      } catch (error) {
        failures.push({ rule: rule.id, subject, error })
      }
      const kinds = kindsIn(read)
      for (const kind of onRead ? kinds : []) onRead?.(rule.id, kind)
      const doubted = kinds.flatMap((kind): Doubt[] => {
        const trouble = snapshot.trouble(kind)
        return trouble ? [{ rule: rule.id, kind, trouble }] : []
      })
      doubts.push(...doubted)
      findings.push(...weighed(found, doubted))
    }
  }
  return { findings, failures, doubts }
}

interface Run<S> {
  readonly rule: Rule<S>
  /** Made when it is needed first. */
  view: View<KindName, S> | undefined
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
    ...(report.fix ? { fix: report.fix } : {}),
  }
}
