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
import { chartDigest, isFresh, renderCerts } from './certs.ts'
import { valuesSchema, valuesYaml } from './chart-values.ts'
import { dashboard } from './dashboard.ts'
import { publishedSchema } from './published-schema.ts'

/*
 * Writes what follows from the rules and the schema, so that it cannot drift: docs/rules, docs/configuration, docs/protocols,
 * docs/rights, how the webhook is registered and what it may read, the values of the chart, its dashboard.
 * `--check` writes nothing and fails when a file is not what it should be.
 */

const root = join(import.meta.dirname, '..')
const ruleIds = rules.map((rule) => rule.id)
const schema = configSchema(ruleIds)
const published = publishedSchema(ruleIds)
/** Editors read it, and so does every Helm since 3.0. */
const draft = 'http://json-schema.org/draft-07/schema#'

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
  ['charts/meshgate/values.yaml', valuesYaml()],
  ['charts/meshgate/values.schema.json', json({ $schema: draft, ...valuesSchema(published) })],
  ['charts/meshgate/files/dashboard.json', json(dashboard())],
  ['docs/configuration.md', configMarkdown(schema, readFileSync(join(root, 'examples/rollout.yaml'), 'utf8'))],
  ['docs/protocols.md', protocolsMarkdown(catalogue)],
  ['docs/rights.md', rightsMarkdown(rightsOf(rules))],
  [
    'docs/configuration.schema.json',
    json({ $schema: draft, title: 'meshgate', ...published.schema, $defs: published.$defs }),
  ],
])

function yaml(what: string, value: Readonly<Record<string, unknown>>): string {
  return `# ${what} Follows from the rules: npm run generate.\n${renderYaml(value)}`
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
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
const staleRenderings = () => {
  const digest = chartDigest(root)
  return ['certs/certificates.yaml', 'certs/webhook.yaml'].filter((file) => !isFresh(current(file) ?? '', digest))
}

if (process.argv.includes('--check')) {
  for (const file of [...stale, ...staleRenderings()]) fail(`${file} is out of date; run npm run generate`)
  for (const file of orphans) fail(`${file} belongs to no rule; run npm run generate`)
} else {
  for (const file of stale) write(file, files.get(file) ?? '')
  for (const file of orphans) {
    rmSync(join(root, file))
    console.log(`removed ${file}`)
  }
  if (staleRenderings().length > 0) renderAgain()
}

/** Last, for the chart is generated in part. */
function renderAgain(): void {
  const folder = process.env['MESHGATE_KIT_BIN']
  try {
    const rendered = renderCerts(root, folder === undefined ? 'helm' : join(folder, 'helm'))
    for (const [file, text] of rendered) write(`certs/${file}`, text)
  } catch (error) {
    fail(
      `certs/ is out of date, and helm does not render it: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), text)
  console.log(`wrote ${file}`)
}

function fail(text: string): void {
  console.error(text)
  process.exitCode = 1
}
