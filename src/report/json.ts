import type { Report } from './report.ts'

/**
 * The JSON form. An interface, so its members and their order do not change within `version` 1.
 * `message` is the message's id, `text` what a person reads, `path` leads from the resource itself.
 */
export function formatJson(report: Report): string {
  const findings = report.findings.map((found) => ({
    rule: found.rule,
    message: found.message,
    text: found.text,
    severity: found.severity,
    confidence: found.confidence,
    enforcement: found.enforcement,
    file: found.file,
    line: found.line,
    column: found.column,
    path: found.path,
    resource: {
      apiVersion: found.resource.apiVersion,
      kind: found.resource.kind,
      namespace: found.resource.namespace,
      name: found.resource.name,
    },
    fixable: found.fix !== undefined,
  }))
  const failures = report.failures.map(({ file, line, column, text }) => ({ file, line, column, text }))
  return `${JSON.stringify({ version: 1, findings, summary: report.summary, failures }, null, 2)}\n`
}
