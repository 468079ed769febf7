import type { Config } from '../config/config.ts'
import { analyse } from '../core/analyse.ts'
import { type Enforced, enforce, textOf } from '../core/enforce.ts'
import { endingSoon, nameExemption, unusedAmong } from '../core/exemption.ts'
import type { Rule } from '../core/rule.ts'
import { snapshotOf } from '../core/snapshot.ts'
import { describe } from '../k8s/resource.ts'
import { settingsAmong } from '../linkerd/injection/injector-reach.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import type { Loaded } from '../manifests/loading.ts'
import type { Report, ReportedFailure, ReportedFinding } from '../report/report.ts'

/** What `check` found in manifests: the report, and the findings behind it for those who fix. */
export interface Examination {
  readonly report: Report
  readonly enforced: readonly Enforced[]
  /** Lines about exemptions that end or that nothing needs. */
  readonly notices: readonly string[]
}

/** More are counted. */
const mostUnused = 10

/**
 * Judges every resource of the input among all the others.
 *
 * @param now milliseconds since 1970
 */
export function examine(
  loaded: Loaded,
  rules: readonly Rule<LinkerdSettings>[],
  config: Config,
  now: number,
): Examination {
  const snapshot = snapshotOf(loaded.resources, 'input')
  const { findings, failures } = analyse({
    subjects: loaded.resources,
    snapshot,
    rules,
    settings: settingsAmong(snapshot, config.linkerd, 'declared'),
    stage: 'declared',
  })
  const { enforced, suppressed, exempted } = enforce(findings, config.enforcement, { snapshot, now })
  const unused = unusedAmong(config.enforcement.exemptions, findings).map(nameExemption)
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
    notices: [
      ...endingSoon(exempted, now),
      ...unused.slice(0, mostUnused).map((name) => `exemption unused: ${name}; nothing in this input needs it`),
      ...(unused.length > mostUnused ? [`${unused.length - mostUnused} more exemptions are unused`] : []),
    ],
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
      exempted: exempted.length,
      unusedExemptions: unused.length,
    },
  }
}

function place(found: Enforced, loaded: Loaded): ReportedFinding {
  const { finding, enforcement } = found
  const { subject } = finding
  const { document, prefix } = sourceOf(loaded, subject)
  return {
    rule: finding.rule,
    message: finding.message,
    text: textOf(found),
    severity: finding.severity,
    confidence: finding.confidence,
    enforcement,
    file: document.file,
    ...document.place([...prefix, ...finding.path], finding.entry),
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
