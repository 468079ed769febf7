import { nearest } from '../core/nearest.ts'
import { ruleMarkdown } from '../report/rule-markdown.ts'
import { rules } from '../rules/index.ts'
import { readArguments, UsageError } from './arguments.ts'
import { explainPort } from './explain-port.ts'
import type { World } from './world.ts'

const usage = `meshgate explain RULE
meshgate explain --port [NAMESPACE/]SERVICE:PORT [PATH…]

Prints what a rule means, as in docs/rules; or what each side of a Service's port knows of it, from which line, and what
connections to it experience. Paths are files, directories, globs, and - for standard input; without any, this directory.

  --port SERVICE:PORT  the Service, and a port of it
  --format FORMAT      text (default) or json
  --config FILE        configuration; otherwise .meshgate.yaml here or above
  --assume-unmeshed    Pods whose Namespace is not in the input are not in the mesh
  -h, --help
`

/** `meshgate explain`: prints the page of a rule, or the story of a port. */
export async function explain(args: readonly string[], world: World): Promise<number> {
  const { values, positionals } = readArguments(args, {
    port: { type: 'string' },
    format: { type: 'string', default: 'text' },
    config: { type: 'string' },
    'assume-unmeshed': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  })
  if (values.help) {
    world.stdout.write(usage)
    return 0
  }
  if (values.port !== undefined) {
    const { port, format, config, 'assume-unmeshed': assumeUnmeshed } = values
    return explainPort({ port, format, config, assumeUnmeshed, paths: positionals }, world)
  }
  const [id, ...more] = positionals
  if (id === undefined || more.length > 0)
    throw new UsageError('usage: meshgate explain RULE; `meshgate rules` lists them')
  const rule = rules.find((candidate) => candidate.id === id)
  if (!rule) {
    const near = nearest(
      id,
      rules.map((candidate) => candidate.id),
    )
    throw new UsageError(
      `there is no rule ${JSON.stringify(id)}${near ? `; did you mean ${near}?` : '; `meshgate rules` lists them'}`,
    )
  }
  world.stdout.write(ruleMarkdown(rule))
  return 0
}
