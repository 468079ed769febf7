import { loadConfig } from '../config/load.ts'
import { catalogue } from '../linkerd/protocols/catalogue.ts'
import { protocolClasses } from '../linkerd/protocols/protocol.ts'
import { classTexts, portsInWords } from '../report/protocols-markdown.ts'
import { rules } from '../rules/index.ts'
import { oneOf, readArguments, UsageError } from './arguments.ts'
import type { World } from './world.ts'

const usage = `meshgate protocols

Prints every protocol that meshgate knows: who speaks first, on which ports, how sure that is and where it is said.
What the configuration adds comes first.

  --format FORMAT   text (default) or json
  --config FILE     the configuration, as for check
`

/** `meshgate protocols`: the catalogue of protocols with its evidence, and what configuration adds to it. */
export async function protocols(args: readonly string[], world: World): Promise<number> {
  const { values, positionals } = readArguments(args, {
    format: { type: 'string', default: 'text' },
    config: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  })
  if (values.help) {
    world.stdout.write(usage)
    return 0
  }
  if (positionals.length > 0) throw new UsageError('protocols takes no arguments')
  const format = oneOf('--format', values.format, ['text', 'json'])
  const { linkerd } = loadConfig(
    values.config ?? (world.env['MESHGATE_CONFIG'] || undefined),
    world.cwd(),
    rules.map((rule) => rule.id),
  )
  const all = [...linkerd.protocols, ...catalogue].map((protocol) => ({ evidence: 'high', ...protocol }))
  if (format === 'json') {
    world.stdout.write(`${JSON.stringify(all, null, 2)}\n`)
    return 0
  }
  const width = Math.max(...all.map(({ name }) => name.length))
  for (const one of protocolClasses) {
    world.stdout.write(`${classTexts[one].title} (${one})\n`)
    for (const { name, ports, evidence, source } of all.filter((protocol) => protocol.class === one))
      world.stdout.write(
        `  ${name.padEnd(width)}  ${portsInWords(ports).padEnd(24)}  ${evidence.padEnd(6)}  ${source}\n`,
      )
  }
  return 0
}
