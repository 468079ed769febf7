import { rules as catalogue } from '../rules/index.ts'
import { oneOf, readArguments } from './arguments.ts'
import type { World } from './world.ts'

/** `meshgate rules`: the catalogue, a line each; as JSON on request. */
export async function rules(args: readonly string[], world: World): Promise<number> {
  const { values } = readArguments(args, { format: { type: 'string', default: 'text' } })
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
