import { suppressPrefix } from '../core/enforce.ts'
import type { RuleDocumentation } from '../core/rule.ts'

const stages = {
  declared: 'objects as written (`check`)',
  admitted: 'objects as admitted (the webhook)',
  both: 'objects as written (`check`) and as admitted (the webhook)',
} as const

/** The page of a rule: `docs/rules/<id>.md`, and what `meshgate explain` prints. */
export function ruleMarkdown(rule: RuleDocumentation): string {
  const messages = Object.entries(rule.messages).map(
    ([id, text]) => `- \`${id}\`: ${text.replaceAll(/\{\{(\w+)\}\}/g, '*$1*')}`,
  )
  const sections = [
    `# ${rule.id}`,
    rule.summary,
    `Severity: **${rule.severity}** at most. Judges ${stages[rule.judges]}, of kind ${kindsOf(rule)}.`,
    '## Why',
    rule.why,
    '## What to do',
    rule.remediation,
    ...(rule.limits === undefined ? [] : ['## When it is fine, and how sure we are', rule.limits]),
    '## Messages',
    messages.join('\n'),
    '## Configure',
    `\`rules.${rule.id}.enforcement\` is \`deny\`, \`warn\`, \`audit\` or \`off\`; \`rules.${rule.id}.fix\` lets the mutating webhook apply the fix.`,
    `On one object, the annotation \`${suppressPrefix}${rule.id}\` with a reason as its value suppresses the rule.`,
    '## Sources',
    rule.sources.map((source) => `- ${source}`).join('\n'),
  ]
  return `${sections.join('\n\n')}\n`
}

function kindsOf(rule: RuleDocumentation): string {
  return Object.keys(rule.check)
    .toSorted()
    .map((kind) => `\`${kind}\``)
    .join(', ')
}
