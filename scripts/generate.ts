import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  clusterAccess,
  configurationNames,
  linkerdAccess,
  mutatingWebhooks,
  validatingWebhooks,
} from '../src/admission/registration.ts'
import { rightsOf } from '../src/admission/rights.ts'
import { configSchema } from '../src/config/schema.ts'
import { catalogue } from '../src/linkerd/protocols/catalogue.ts'
import { renderYaml } from '../src/manifests/render-yaml.ts'
import { configMarkdown } from '../src/report/config-markdown.ts'
import { protocolsMarkdown } from '../src/report/protocols-markdown.ts'
import { rightsMarkdown } from '../src/report/rights-markdown.ts'
import { ruleMarkdown } from '../src/report/rule-markdown.ts'
import { rules } from '../src/rules/index.ts'

/*
 * Writes what follows from the rules and the schema, so that it cannot drift: docs/rules, docs/configuration, docs/protocols,
 * docs/rights,
 * how the webhook is registered and what it may read.
 * `--check` writes nothing and fails when a file is not what it should be.
 */

const root = join(import.meta.dirname, '..')
const schema = configSchema(rules.map((rule) => rule.id))

const files = new Map<string, string>([
  ...rules.map((rule) => [`docs/rules/${rule.id}.md`, ruleMarkdown(rule)] as const),
  ['docs/rules/README.md', index()],
  [
    'charts/meshgate/files/webhooks.yaml',
    yaml('What the API server asks, and about what.', {
      names: configurationNames,
      validating: validatingWebhooks(rules),
      mutating: mutatingWebhooks(rules),
    }),
  ],
  [
    'charts/meshgate/files/access.yaml',
    yaml(
      'What the ServiceAccount may read: rules of a ClusterRole, and of a Role in the namespace of the control plane.',
      {
        cluster: clusterAccess(rules),
        linkerd: linkerdAccess(),
      },
    ),
  ],
  ['docs/configuration.md', configMarkdown(schema, readFileSync(join(root, 'examples/rollout.yaml'), 'utf8'))],
  ['docs/protocols.md', protocolsMarkdown(catalogue)],
  ['docs/rights.md', rightsMarkdown(rightsOf(rules))],
  [
    'docs/configuration.schema.json',
    `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', title: 'meshgate', ...schema }, null, 2)}\n`,
  ],
])

function yaml(what: string, value: Readonly<Record<string, unknown>>): string {
  return `# ${what} Follows from the rules: npm run generate.\n${renderYaml(value)}`
}

function index(): string {
  const rows = rules.map((rule) => `| [${rule.id}](${rule.id}.md) | ${rule.severity} | ${rule.summary} |`)
  return ['# Rules', '', '| rule | severity | what it says |', '|---|---|---|', ...rows, ''].join('\n')
}

function current(file: string): string | undefined {
  try {
    return readFileSync(join(root, file), 'utf8')
  } catch {
    return undefined
  }
}

function pagesWithoutRule(): string[] {
  const folder = join(root, 'docs/rules')
  mkdirSync(folder, { recursive: true })
  return readdirSync(folder)
    .map((name) => `docs/rules/${name}`)
    .filter((file) => !files.has(file))
}

const stale = [...files].filter(([file, text]) => current(file) !== text).map(([file]) => file)
const orphans = pagesWithoutRule()

if (process.argv.includes('--check')) {
  for (const file of stale) console.error(`${file} is out of date; run npm run generate`)
  for (const file of orphans) console.error(`${file} belongs to no rule; run npm run generate`)
  process.exitCode = stale.length + orphans.length > 0 ? 1 : 0
} else {
  for (const file of stale) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), files.get(file) ?? '')
    console.log(`wrote ${file}`)
  }
  for (const file of orphans) {
    rmSync(join(root, file))
    console.log(`removed ${file}`)
  }
}
