import type { ObjectSchema, Schema } from '../config/json-schema.ts'

/**
 * `docs/configuration.md`: every key of the configuration, from its schema.
 *
 * @param example a configuration that uses what a table cannot show
 */
export function configMarkdown(schema: ObjectSchema, example: string): string {
  const rows = [...describeKeys(schema, '')]
  return `# Configuration

${schema.description} \`check\` reads \`--config FILE\`, else \`$MESHGATE_CONFIG\`, else the first of \`.meshgate.yaml\`,
\`.meshgate.yml\` and \`meshgate.yaml\` in the working directory or above it, up to the repository's root. One file wins; nothing is
merged. An unknown key is an error. Editors can use [configuration.schema.json](configuration.schema.json).

\`\`\`yaml
${example.trimEnd()}
\`\`\`

| key | values | default | meaning |
|---|---|---|---|
${rows.join('\n')}

## Namespaces

The first entry of \`rules.RULE.namespaces\` that matches the object's namespace decides, else \`rules.RULE.enforcement\`. Labels are those of the Namespace
object: in the cluster, or among the manifests that \`check\` was given. Where they are not known, no selector matches, and no denial hangs on it: it weakens to a warning.

## Exemptions

An exemption needs a \`rule\` and a \`reason\`. What it covers is neither denied nor warned of; the audit annotation \`exempt\` names the rule. It lasts through the day \`expires\`
(UTC). In the 14 days before, a warning names it, its owner and the day; afterwards the finding returns and says why. One that nothing needs is reported: by \`check\` on
standard error, by \`serve\` in \`/readyz?verbose\` and as \`meshgate_exemptions{state="unused"}\`.

## Reload

\`serve\` looks at its file every ten seconds; mount a ConfigMap as a folder, not by \`subPath\`, which is never updated. A file that is wrong or gone changes nothing: the last good
configuration stays in force, the log names file, line and column, and \`meshgate_config_reload_total{result}\` counts \`invalid\`, \`missing\` or \`unreadable\` at each look.
\`meshgate_config_last_good_timestamp_seconds\` stands still from then on: alert when it is older than a minute.
`
}

function* describeKeys(schema: ObjectSchema, prefix: string): Generator<string> {
  for (const [key, member] of Object.entries(schema.properties)) {
    const name = `${prefix}${key}`
    const below = membersOf(member)
    if (below === undefined || !isPlainObject(member)) yield row(name, member)
    if (below === undefined) continue
    // Every rule has the same keys: one line for all of them.
    const [rule] = Object.values(below.properties)
    if (name === 'rules' && rule !== undefined && isPlainObject(rule)) yield* describeKeys(rule, 'rules.RULE.')
    else yield* describeKeys(below, isPlainObject(member) ? `${name}.` : `${name}[].`)
  }
}

/** The object whose keys are explained below this one: its own, or its elements'. */
function membersOf(schema: Schema): ObjectSchema | undefined {
  if (isPlainObject(schema)) return schema
  return 'items' in schema && isPlainObject(schema.items) ? schema.items : undefined
}

function isPlainObject(schema: Schema): schema is ObjectSchema {
  return 'properties' in schema && schema.title === undefined
}

function row(name: string, schema: Schema): string {
  const fallback = 'default' in schema ? `\`${JSON.stringify(schema.default)}\`` : ''
  return `| \`${name}\` | ${valuesOf(schema)} | ${fallback} | ${schema.description} |`
}

function valuesOf(schema: Schema): string {
  if (!('type' in schema)) return `text or map of ${Object.keys(schema.anyOf[1].properties).join(', ')}`
  switch (schema.type) {
    case 'string':
      return schema.title ?? (schema.enum ? schema.enum.map((word) => `\`${word}\``).join(', ') : 'text')
    case 'integer':
      return `${schema.minimum}–${schema.maximum}`
    case 'boolean':
      return '`true`, `false`'
    case 'array':
      return `list: ${isPlainObject(schema.items) ? 'maps' : valuesOf(schema.items)}`
    case 'object':
      return 'title' in schema && schema.title !== undefined ? schema.title : 'map'
  }
}
