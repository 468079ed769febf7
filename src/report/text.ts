import type { Severity } from '../core/finding.ts'
import { plainText } from '../core/plain-text.ts'
import { countBySeverity, plural, type Report } from './report.ts'

/** How a part of the text is set off. */
export type Style = 'error' | 'warning' | 'info' | 'place' | 'quiet'

/** Sets off a part of the text, for example with colour; or returns it as it is. */
export type Paint = (style: Style, text: string) => string

export interface TextOptions {
  readonly paint: Paint
  /** Leave out the closing line when there is nothing to say. */
  readonly quiet: boolean
}

const labels: Readonly<Record<Severity, string>> = { error: 'error  ', warning: 'warning', info: 'info   ' }

/** For people: one line per finding that editors and terminals can follow, what to do below it, a count at the end. */
export function formatText(report: Report, { paint, quiet }: TextOptions): string {
  const lines: string[] = []
  for (const { file, line, column, text } of report.failures)
    lines.push(
      `${paint('place', `${plainText(file)}:${line}:${column}`)}  ${paint('error', 'failed ')}  ${plainText(text)}`,
    )
  for (const found of report.findings) {
    const place = paint('place', `${plainText(found.file)}:${found.line}:${found.column}`)
    const label = paint(found.severity, labels[found.severity])
    lines.push(`${place}  ${label}  ${found.rule}  ${plainText(found.text)}`)
    if (found.fix !== undefined) lines.push(`    ${paint('quiet', 'fix:')} ${plainText(found.fix)}`)
  }
  if (!quiet || lines.length > 0) lines.push(closing(report))
  return lines.map((line) => `${line}\n`).join('')
}

function closing(report: Report): string {
  const { findings, failures, summary, suppressed, exempted, unusedExemptions } = report
  const bySeverity = countBySeverity(findings).map(([severity, count]) => plural(count, severity))
  const found =
    findings.length === 0 ? '0 findings' : `${plural(findings.length, 'finding')} (${bySeverity.join(', ')})`
  const parts = [`${plural(summary.resources, 'object')}, ${plural(summary.rules, 'rule')}, ${found}`]
  const fixable = findings.filter((finding) => finding.fix !== undefined).length
  if (fixable > 0) parts.push(`${fixable} fixable with --fix`)
  if (suppressed > 0) parts.push(`${suppressed} suppressed`)
  if (exempted > 0) parts.push(`${exempted} exempted`)
  if (unusedExemptions > 0) parts.push(`${plural(unusedExemptions, 'exemption')} unused`)
  if (failures.length > 0) parts.push(plural(failures.length, 'failure'))
  return `${findings.length + failures.length === 0 ? '✔' : '✖'} ${parts.join('; ')}`
}
