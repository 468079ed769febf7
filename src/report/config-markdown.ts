import type { ObjectSchema, Schema } from '../config/schema.ts'

/** `docs/configuration.md`: every key of the configuration, from its schema. */
export function configMarkdown(schema: ObjectSchema): string {
  const rows = [...describeKeys(schema, '')]
  return `# Configuration

${schema.description} \`check\` reads \`--config FILE\`, else \`$MESHGATE_CONFIG\`, else the first of \`.meshgate.yaml\`,
\`.meshgate.yml\` and \`meshgate.yaml\` in the working directory or above it, up to the repository's root. One file wins; nothing is
merged. An unknown key is an error. Editors can use [configuration.schema.json](configuration.schema.json).

| key | values | default | meaning |
|---|---|---|---|
${rows.join('\n')}
`
}

function* describeKeys(schema: ObjectSchema, prefix: string): Generator<string> {
  for (const [key, member] of Object.entries(schema.properties)) {
    const name = `${prefix}${key}`
    if (member.type !== 'object') yield row(name, member)
    // Every rule has the same keys: one line for all of them.
    else if (name === 'rules') {
      const [rule] = Object.values(member.properties)
      if (rule?.type === 'object') yield* describeKeys(rule, 'rules.RULE.')
    } else yield* describeKeys(member, `${name}.`)
  }
}

function row(name: string, schema: Exclude<Schema, ObjectSchema>): string {
  const fallback = schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``
  return `| \`${name}\` | ${valuesOf(schema)} | ${fallback} | ${schema.description} |`
}

function valuesOf(schema: Exclude<Schema, ObjectSchema>): string {
  switch (schema.type) {
    case 'string':
      return schema.enum ? schema.enum.map((word) => `\`${word}\``).join(', ') : 'text'
    case 'integer':
      return `${schema.minimum}–${schema.maximum}`
    case 'boolean':
      return '`true`, `false`'
    case 'array':
      return 'list of texts'
  }
}
