import type { Config } from '../config/config.ts'
import { analyse } from '../core/analyse.ts'
import { type Enforced, enforce } from '../core/enforce.ts'
import type { Rule } from '../core/rule.ts'
import { snapshotOf } from '../core/snapshot.ts'
import { describe } from '../k8s/resource.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import type { Loaded } from '../manifests/load.ts'
import type { Report, ReportedFailure, ReportedFinding } from '../report/report.ts'

/** What `check` found in manifests: the report, and the findings behind it for those who fix. */
export interface Examination {
  readonly report: Report
  readonly enforced: readonly Enforced[]
}

/** Judges every resource of the input among all the others. */
export function examine(loaded: Loaded, rules: readonly Rule<LinkerdSettings>[], config: Config): Examination {
  const { findings, failures } = analyse({
    subjects: loaded.resources,
    snapshot: snapshotOf(loaded.resources, 'input'),
    rules,
    settings: config.linkerd,
    stage: 'declared',
  })
  const { enforced, suppressed } = enforce(findings, config.enforcement)
  const reported = enforced.map((found) => place(found, loaded)).toSorted(inOrder)
  const ours: ReportedFailure[] = failures.map(({ rule, subject, error }) => {
    const { document, prefix } = sourceOf(loaded, subject)
    const { line, column } = document.place(prefix)
    const reason = error instanceof Error ? error.message : String(error)
    const text = `rule ${rule} failed on ${describe(subject)}: ${reason}; this is a fault of meshgate, please report it`
    return { file: document.file, line, column, text }
  })
  return {
    enforced,
    report: {
      findings: reported,
      failures: [...loaded.failures, ...ours].toSorted(inOrder),
      summary: {
        files: loaded.files,
        resources: loaded.objects,
        rules: rules.length,
        findings: reported.length,
      },
      suppressed: suppressed.length,
    },
  }
}

function place({ finding, enforcement }: Enforced, loaded: Loaded): ReportedFinding {
  const { subject } = finding
  const { document, prefix } = sourceOf(loaded, subject)
  return {
    rule: finding.rule,
    message: finding.message,
    text: finding.text,
    severity: finding.severity,
    confidence: finding.confidence,
    enforcement,
    file: document.file,
    ...document.place([...prefix, ...finding.path]),
    path: finding.path,
    resource: {
      apiVersion: subject.apiVersion,
      kind: subject.kind,
      namespace: subject.namespace,
      name: subject.name,
    },
    fix: finding.fix?.title,
  }
}

/** Where a loaded resource came from. */
export function sourceOf(loaded: Loaded, resource: Loaded['resources'][number]) {
  const source = loaded.sources.get(resource)
  if (source === undefined) throw new Error(`${describe(resource)} has no source`)
  return source
}

interface Placed {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly rule?: string
}

function inOrder(left: Placed, right: Placed): number {
  const byFile = left.file < right.file ? -1 : left.file > right.file ? 1 : 0
  return byFile || left.line - right.line || left.column - right.column || compareText(left.rule, right.rule)
}

function compareText(left = '', right = ''): number {
  return left < right ? -1 : left > right ? 1 : 0
}
