import type { KindName } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'
import type { Failure, Finding } from './finding.ts'
import { fill, type Rule } from './rule.ts'
import type { Snapshot } from './snapshot.ts'
import { type Stage, viewOf } from './view.ts'

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

/**
 * Every finding of every rule on every subject, in the order of subjects, then rules, then what the rule reports.
 * A rule that throws becomes a failure and hides nothing else.
 */
export function analyse<S>(analysis: Analysis<S>): { findings: Finding[]; failures: Failure[] } {
  const findings: Finding[] = []
  const failures: Failure[] = []
  const runs = analysis.rules
    .filter((rule) => rule.judges === 'both' || rule.judges === analysis.stage)
    .map((rule) => ({
      rule,
      view: viewOf(analysis.snapshot, rule.reads, analysis.settings, analysis.stage, (kind) =>
        analysis.onRead?.(rule.id, kind),
      ),
    }))

  for (const subject of analysis.subjects) {
    for (const { rule, view } of runs) {
      const check = rule.check[subject.kind] as
        | ((subject: Resource, seen: typeof view) => Iterable<Reported>)
        | undefined
      if (check === undefined) continue
      try {
        for (const report of check(subject, view)) findings.push(toFinding(rule, subject, report))
      } catch (error) {
        failures.push({ rule: rule.id, subject, error })
      }
    }
  }
  return { findings, failures }
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
