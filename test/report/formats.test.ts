import { createRequire } from 'node:module'
import t from 'tap'
import { formatGithub } from '../../src/report/github.ts'
import { formatJson } from '../../src/report/json.ts'
import type { Report, ReportedFinding } from '../../src/report/report.ts'
import { formatSarif } from '../../src/report/sarif.ts'
import { formatText } from '../../src/report/text.ts'
import { rules } from '../../src/rules/index.ts'

const finding: ReportedFinding = {
  rule: 'network-policy-omits-proxy-port',
  message: 'omitted',
  text: '8080 is open, 4143 is not',
  severity: 'error',
  confidence: 'high',
  enforcement: 'warn',
  file: 'deploy/policy.yaml',
  line: 12,
  column: 11,
  endLine: 12,
  endColumn: 21,
  path: ['spec', 'ingress', 0, 'ports', 0],
  resource: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace: 'shop', name: 'web' },
  fix: 'add TCP 4143',
}

function reportOf(findings: readonly ReportedFinding[], failures: Report['failures'] = []): Report {
  return {
    findings,
    failures,
    summary: { files: 1, resources: 3, rules: 2, findings: findings.length },
    suppressed: 0,
    exempted: 0,
    unusedExemptions: 0,
  }
}

const failure = { file: 'bad.yaml', line: 3, column: 1, text: 'not YAML: 100% broken\nhere' }

t.test('json: it has exactly the members of the interface', async (t) => {
  t.same(JSON.parse(formatJson(reportOf([finding], [failure]))), {
    version: 1,
    findings: [
      {
        rule: 'network-policy-omits-proxy-port',
        message: 'omitted',
        text: '8080 is open, 4143 is not',
        severity: 'error',
        confidence: 'high',
        enforcement: 'warn',
        file: 'deploy/policy.yaml',
        line: 12,
        column: 11,
        path: ['spec', 'ingress', 0, 'ports', 0],
        resource: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', namespace: 'shop', name: 'web' },
        fixable: true,
      },
    ],
    summary: { files: 1, resources: 3, rules: 2, findings: 1 },
    failures: [failure],
  })
})

t.test('text: it says place, severity, rule and text, and counts', async (t) => {
  const text = formatText(reportOf([finding, { ...finding, severity: 'info', fix: undefined }], [failure]), {
    paint: (_, part) => part,
    quiet: false,
  })
  t.equal(
    text,
    [
      'bad.yaml:3:1  failed   not YAML: 100% broken here',
      'deploy/policy.yaml:12:11  error    network-policy-omits-proxy-port  8080 is open, 4143 is not',
      '    fix: add TCP 4143',
      'deploy/policy.yaml:12:11  info     network-policy-omits-proxy-port  8080 is open, 4143 is not',
      '✖ 3 objects, 2 rules, 2 findings (1 error, 1 info); 1 fixable with --fix; 1 failure',
      '',
    ].join('\n'),
  )
  const clean = { paint: (_: unknown, part: string) => part }
  t.equal(formatText(reportOf([]), { ...clean, quiet: false }), '✔ 3 objects, 2 rules, 0 findings\n')
  t.equal(formatText(reportOf([]), { ...clean, quiet: true }), '')
})

t.test('text: it lets no manifest drive the terminal', async (t) => {
  const hostile = { ...finding, text: 'a\u001b[31mred\u202Ereversed\nnext', file: 'x\u0007.yaml' }
  const text = formatText(reportOf([hostile]), { paint: (_, part) => part, quiet: true })
  t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u202e]/)
  t.equal(text.split('\n').length, 4)
})

t.test('github: it escapes data and properties, and cannot be made to forge a command', async (t) => {
  const hostile = { ...finding, text: '100%\n::stop-commands::x', file: 'a,b:c.yaml' }
  const [line, ...rest] = formatGithub(reportOf([hostile])).split('\n')
  t.equal(
    line,
    '::error title=network-policy-omits-proxy-port,file=a%2Cb%3Ac.yaml,line=12,endLine=12,col=11,endColumn=21::100%25 ::stop-commands::x',
  )
  t.same(rest, [''])
})

t.test('github: it shows the worst ten of a kind and counts the rest', async (t) => {
  const infos = Array.from({ length: 12 }, (_, i): ReportedFinding => ({ ...finding, severity: 'info', line: i + 1 }))
  const lines = formatGithub(reportOf([...infos, finding]))
    .trim()
    .split('\n')
  t.match(lines[0], /^::error /)
  t.equal(lines.filter((line) => line.startsWith('::notice ')).length, 10)
  t.match(lines.at(-1), /^2 more/)
})

t.test('sarif: it validates against the 2.1.0 schema', async (t) => {
  const validate = sarifValidator()
  const findings = [finding, { ...finding, file: './sub dir/ü.yaml', severity: 'info' as const }]
  for (const report of [reportOf(findings, [failure]), reportOf([])]) {
    t.ok(validate(JSON.parse(formatSarif(report, rules, '0.1.0'))), JSON.stringify(validate.errors))
  }
  t.notOk(validate({ version: '2.1.0' }), 'the validator can fail')
})

/** The published schema is draft-04, which only the Ajv that comes with it still reads. */
function sarifValidator(): { (log: unknown): boolean; errors?: unknown } {
  const home = import.meta.resolve('@microsoft/jest-sarif/package.json')
  const require = createRequire(home)
  const Ajv6 = require('ajv')
  const ajv = new Ajv6({ schemaId: 'auto', unknownFormats: 'ignore' })
  ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-04.json'))
  return ajv.compile(require('./lib/schemas/sarif-2.1.0-rtm.5.json'))
}

t.test('sarif: it gives code scanning what it asks for', async (t) => {
  const [run] = JSON.parse(formatSarif(reportOf([finding, { ...finding, line: 99 }], [failure]), rules, '0.1.0')).runs
  t.equal(run.invocations[0].executionSuccessful, false)
  const [first, moved] = run.results
  t.equal(first.level, 'error')
  t.same(first.locations[0].physicalLocation, {
    artifactLocation: { uri: 'deploy/policy.yaml', uriBaseId: '%SRCROOT%' },
    region: { startLine: 12, startColumn: 11, endLine: 12, endColumn: 21 },
  })
  t.same(first.partialFingerprints, moved.partialFingerprints, 'a finding that moved is the same finding')
  for (const rule of run.tool.driver.rules) {
    t.ok(rule.shortDescription.text && rule.fullDescription.text && rule.help.text)
    t.ok(rule.shortDescription.text.length <= 1024)
  }
})
