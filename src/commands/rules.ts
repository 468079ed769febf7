import { rules as catalogue } from '../rules/index.ts'
import { oneOf, readArguments, UsageError } from './arguments.ts'
import type { World } from './world.ts'

const usage = `meshgate rules

Lists every rule: id, severity and what it wants.

  --format FORMAT   text (default) or json
  -h, --help
`

/** `meshgate rules`: the catalogue, a line each; as JSON on request. */
export async function rules(args: readonly string[], world: World): Promise<number> {
  const { values, positionals } = readArguments(args, {
    format: { type: 'string', default: 'text' },
    help: { type: 'boolean', short: 'h', default: false },
  })
  if (values.help) {
    world.stdout.write(usage)
    return 0
  }
  if (positionals.length > 0)
    throw new UsageError(`rules takes no ${JSON.stringify(positionals[0])}; \`meshgate explain RULE\` tells about one`)
  if (oneOf('--format', values.format, ['text', 'json']) === 'json') {
    const list = catalogue.map(({ id, severity, judges, summary, remediation, sources }) => ({
      id,
      severity,
      judges,
      summary,
      remediation,
      sources,
    }))
    world.stdout.write(`${JSON.stringify(list, null, 2)}\n`)
    return 0
  }
  const width = Math.max(...catalogue.map((rule) => rule.id.length))
  for (const rule of catalogue)
    world.stdout.write(`${rule.id.padEnd(width)}  ${rule.severity.padEnd(7)}  ${rule.summary}\n`)
  return 0
}
