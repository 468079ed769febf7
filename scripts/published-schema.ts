import { configSchema, sharedSchemas } from '../src/config/schema.ts'
import { isObject } from '../src/k8s/json.ts'

/*
 * The configuration's schema as editors and Helm get it: what recurs in it is defined once. Our own validator reads the plain
 * form, which is a tree.
 */

/** A JSON Schema, and what its references lead to. */
export interface PublishedSchema {
  readonly schema: Readonly<Record<string, unknown>>
  readonly $defs: Readonly<Record<string, unknown>>
}

/** @param ruleIds every rule there is */
export function publishedSchema(ruleIds: readonly string[]): PublishedSchema {
  const names = new Map(Object.entries(sharedSchemas).map(([name, schema]): [unknown, string] => [schema, name]))
  const refer = (value: unknown): unknown => {
    const name = names.get(value)
    return name === undefined ? inside(value) : { $ref: `#/$defs/${name}` }
  }
  const inside = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(refer)
    return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, it]) => [key, refer(it)])) : value
  }
  return {
    schema: inside(configSchema(ruleIds)) as PublishedSchema['schema'],
    $defs: Object.fromEntries([...names].map(([schema, name]) => [name, inside(schema)])),
  }
}
