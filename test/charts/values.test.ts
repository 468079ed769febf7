import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import t from 'tap'
import { defaultValues } from '../../scripts/chart-values.ts'
import { publishedSchema } from '../../scripts/published-schema.ts'
import { configSchema } from '../../src/config/schema.ts'
import { isObject } from '../../src/k8s/json.ts'
import { readValue } from '../../src/manifests/read-document.ts'
import { rules } from '../../src/rules/index.ts'

const chart = join(import.meta.dirname, '../../charts/meshgate')
const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8'))
const isValid = new Ajv({ strictRequired: false, strictTypes: false }).compile(schema)
const values = () => structuredClone(defaultValues()) as Record<string, unknown>

t.test('it writes a values.yaml that says what the schema has as defaults', async (t) => {
  const read = readValue(readFileSync(join(chart, 'values.yaml'), 'utf8'))
  t.same('value' in read ? read.value : read.failure, values())
  t.ok(isValid(values()), JSON.stringify(isValid.errors))
})

t.test('it refuses an unknown key wherever there are keys', async (t) => {
  const maps = (of: unknown, path: readonly string[] = []): (readonly string[])[] =>
    isObject(of) && Object.keys(of).length > 0
      ? [path, ...Object.entries(of).flatMap(([key, below]) => maps(below, [...path, key]))]
      : []
  /** Maps that Kubernetes defines, or that hold labels. */
  const open = /^(?:resources|podSecurityContext|securityContext|nodeSelector|metrics\.dashboard\.labels)(?:\.|$)/
  const closed = maps(values()).filter((path) => !open.test(path.join('.')))
  t.ok(closed.length > 15, `${closed.length} maps`)
  for (const path of [...closed, ['config'], ['config', 'linkerd']]) {
    const wrong = values()
    const at = path.reduce<Record<string, unknown>>((map, key) => (map[key] ??= {}) as Record<string, unknown>, wrong)
    at['surplus'] = 1
    t.notOk(isValid(wrong), path.join('.') || 'at the top')
    t.match(isValid.errors, [{ keyword: 'additionalProperties' }])
  }
})

t.test("it judges config by the configuration's own schema", async (t) => {
  const [first] = rules
  const good = { ceiling: 'warn', rules: { [first?.id ?? '']: { enforcement: 'deny' } } }
  t.ok(isValid({ ...values(), config: good }))
  for (const config of [
    { ceiling: 'loud' },
    { rules: { nobody: {} } },
    { rules: { [first?.id ?? '']: { namespaces: [{ enforcement: 'off' }] } } },
    { requireInjection: [{ selector: { matchLabel: {} } }] },
  ])
    t.notOk(isValid({ ...values(), config }), JSON.stringify(config))
})

t.test('it publishes the schema that files are read by, and says nothing twice', async (t) => {
  const ids = rules.map(({ id }) => id)
  const { schema, $defs } = publishedSchema(ids)
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve)
    if (!isObject(value)) return value
    const { $ref } = value
    if (typeof $ref === 'string') return resolve($defs[$ref.replace('#/$defs/', '')])
    return Object.fromEntries(Object.entries(value).map(([key, below]) => [key, resolve(below)]))
  }
  t.same(resolve(schema), configSchema(ids))
  t.ok(JSON.stringify({ schema, $defs }).length * 4 < JSON.stringify(configSchema(ids)).length)
})
