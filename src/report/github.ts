import type { Severity } from '../core/finding.ts'
import { plainText } from '../core/plain-text.ts'
import { type Report, severityOrder } from './report.ts'

/** GitHub shows ten annotations of each kind per step. */
const annotationsPerKind = 10

const commands: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'notice' }

/**
 * GitHub workflow commands, which become annotations of the pull request. Worst first, at most ten of each kind, since
 * GitHub drops the rest without a word; the last line counts them.
 */
export function formatGithub(report: Report): string {
  const shown = new Map<string, number>()
  let left = 0
  const lines: string[] = []
  const show = (command: string, properties: Readonly<Record<string, string | number>>, message: string) => {
    const count = (shown.get(command) ?? 0) + 1
    shown.set(command, count)
    if (count > annotationsPerKind) {
      left++
      return
    }
    const list = Object.entries(properties).map(([key, value]) => `${key}=${escapeProperty(String(value))}`)
    lines.push(`::${command} ${list.join(',')}::${escapeData(message)}`)
  }
  for (const { file, line, column, text } of report.failures)
    show('error', { title: 'meshgate could not read this', file, line, col: column }, text)
  for (const found of report.findings.toSorted(severityOrder)) {
    const columns = found.endLine === found.line ? { col: found.column, endColumn: found.endColumn } : {}
    const properties = { title: found.rule, file: found.file, line: found.line, endLine: found.endLine, ...columns }
    show(commands[found.severity], properties, found.text)
  }
  if (left > 0) lines.push(`${left} more not annotated: GitHub shows ${annotationsPerKind} of each kind per step`)
  return lines.map((line) => `${line}\n`).join('')
}

/** As the toolkit of GitHub Actions escapes; `%` first. Text of a manifest must not forge a command. */
function escapeData(text: string): string {
  return plainText(text).replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
