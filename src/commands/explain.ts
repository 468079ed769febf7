import { nearest } from '../core/nearest.ts'
import { ruleMarkdown } from '../report/rule-markdown.ts'
import { rules } from '../rules/index.ts'
import { readArguments, UsageError } from './arguments.ts'
import type { World } from './world.ts'

/** `meshgate explain RULE`: prints the page of a rule, as in `docs/rules`. */
export async function explain(args: readonly string[], world: World): Promise<number> {
  const { positionals } = readArguments(args, { help: { type: 'boolean', short: 'h' } })
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
