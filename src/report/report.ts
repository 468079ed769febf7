import type { Enforcement } from '../core/enforce.ts'
import { type Confidence, type Severity, severities } from '../core/finding.ts'
import type { Path } from '../k8s/json.ts'

/** A finding and the place in a file that it means. */
export interface ReportedFinding {
  readonly rule: string
  readonly message: string
  readonly text: string
  readonly severity: Severity
  readonly confidence: Confidence
  readonly enforcement: Enforcement
  /** As given on the command line, `/` between folders. */
  readonly file: string
  /** 1-based; columns in UTF-16 units; the end is exclusive. */
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
  /** From the resource itself, also inside a `List`. */
  readonly path: Path
  readonly resource: {
    readonly apiVersion: string
    readonly kind: string
    readonly namespace: string
    readonly name: string
  }
  /** The fix's title, when `--fix` can do it. */
  readonly fix: string | undefined
}

/** Something that could not be read or judged. */
export interface ReportedFailure {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly text: string
}

/** Everything one run of `check` has to say. Formats are views of it. */
export interface Report {
  /** Sorted by file, line, column, rule. */
  readonly findings: readonly ReportedFinding[]
  readonly failures: readonly ReportedFailure[]
  readonly summary: {
    readonly files: number
    /** Kubernetes objects read, also of kinds that no rule speaks about. */
    readonly resources: number
    readonly rules: number
    readonly findings: number
  }
  /** Findings that an annotation suppressed. */
  readonly suppressed: number
  /** Findings that the configuration exempts. */
  readonly exempted: number
  /** Exemptions that no finding needs. */
  readonly unusedExemptions: number
}

/** How many findings there are of each severity, worst first; severities without any are left out. */
export function countBySeverity(findings: readonly ReportedFinding[]): [Severity, number][] {
  return severities
    .map((severity): [Severity, number] => [severity, findings.filter((found) => found.severity === severity).length])
    .filter(([, count]) => count > 0)
}

/** `1 finding`, `2 findings`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Order of findings for readers who see only the first few: worst first, otherwise as they come. */
export function severityOrder(left: ReportedFinding, right: ReportedFinding): number {
  return severities.indexOf(left.severity) - severities.indexOf(right.severity)
}
