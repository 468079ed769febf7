import { createHash } from 'node:crypto'
import type { Severity } from '../core/finding.ts'
import type { RuleDocumentation } from '../core/rule.ts'
import { jsonPointer } from '../k8s/json.ts'
import { type Report, type ReportedFinding, severityOrder } from './report.ts'

const levels: Readonly<Record<Severity, string>> = { error: 'error', warning: 'warning', info: 'note' }

/** GitHub keeps the top 5,000 results of a run. */
const mostResults = 5000

/**
 * SARIF 2.1.0, with what code scanning asks for: a description and help of every rule, a full region, a fingerprint that
 * survives moved lines. Failures are notifications of the run, which then did not succeed.
 */
export function formatSarif(report: Report, rules: readonly RuleDocumentation[], version: string): string {
  const index = new Map(rules.map((rule, i) => [rule.id, i]))
  const run = {
    tool: { driver: { name: 'meshgate', semanticVersion: version, rules: rules.map(describeRule) } },
    automationDetails: { id: 'meshgate/' },
    columnKind: 'utf16CodeUnits',
    originalUriBaseIds: { '%SRCROOT%': { description: { text: 'The working directory.' } } },
    invocations: [
      {
        executionSuccessful: report.failures.length === 0,
        toolExecutionNotifications: report.failures.map(({ file, line, column, text }) => ({
          level: 'error',
          message: { text },
          locations: [location(file, { startLine: line, startColumn: column })],
        })),
      },
    ],
    results: report.findings
      .toSorted(severityOrder)
      .slice(0, mostResults)
      .map((found) => ({
        ruleId: found.rule,
        ruleIndex: index.get(found.rule) ?? -1,
        level: levels[found.severity],
        message: { text: found.text },
        locations: [
          location(found.file, {
            startLine: found.line,
            startColumn: found.column,
            endLine: found.endLine,
            endColumn: found.endColumn,
          }),
        ],
        partialFingerprints: { 'meshgate/v1': fingerprint(found) },
        properties: { message: found.message, confidence: found.confidence, enforcement: found.enforcement },
      })),
  }
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] }
  return `${JSON.stringify(log, null, 2)}\n`
}

function describeRule(rule: RuleDocumentation) {
  const help = `${rule.why}\n\n${rule.remediation}`
  return {
    id: rule.id,
    name: rule.id.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: rule.summary },
    fullDescription: { text: rule.summary },
    help: { text: help, markdown: help },
    defaultConfiguration: { level: levels[rule.severity] },
    properties: { tags: ['linkerd'], precision: 'high', 'problem.severity': levels[rule.severity] },
  }
}

/** A URI relative to the source root: each segment percent-encoded, no leading `./`. */
function location(file: string, region: Readonly<Record<string, number>>) {
  const uri = file.replace(/^\.\//, '').split('/').map(encodeURIComponent).join('/')
  return { physicalLocation: { artifactLocation: { uri, uriBaseId: '%SRCROOT%' }, region } }
}

/** Says that two findings are the same, also when lines above have moved. */
function fingerprint({ rule, message, file, resource, path }: ReportedFinding): string {
  const identity = [rule, message, file, resource.kind, resource.namespace, resource.name, jsonPointer(path)]
  return createHash('sha256').update(identity.join('\0')).digest('hex').slice(0, 32)
}
