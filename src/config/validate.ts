import { nearest } from '../core/nearest.ts'
import { isObject, own, type Path } from '../k8s/json.ts'
import type { ObjectSchema, Schema, TextSchema } from './json-schema.ts'

/** What is wrong with a configuration, and where. */
export interface ConfigError {
  readonly path: Path
  readonly text: string
}

/** Every way in which a value does not follow the schema, in document order. An unknown key names the nearest known one. */
export function validate(schema: Schema, value: unknown, path: Path = []): ConfigError[] {
  const expected = (what: string): ConfigError[] => [{ path, text: `expected ${what}, found ${show(value)}` }]
  if (!('type' in schema)) {
    const [text, object] = schema.anyOf
    return typeof value === 'string' || isObject(value)
      ? validate(typeof value === 'string' ? text : object, value, path)
      : expected('a string or a map')
  }
  switch (schema.type) {
    case 'string':
      return typeof value === 'string'
        ? validateText(schema, value).map((text) => ({ path, text }))
        : [{ path, text: `expected a string, found ${show(value)}${isScalar(value) ? '; put it in quotes' : ''}` }]
    case 'integer':
      return Number.isInteger(value) && Number(value) >= schema.minimum && Number(value) <= schema.maximum
        ? []
        : expected(`an integer from ${schema.minimum} to ${schema.maximum}`)
    case 'boolean':
      return typeof value === 'boolean' ? [] : expected('true or false')
    case 'array':
      return Array.isArray(value)
        ? value.flatMap((element, i) => validate(schema.items, element, [...path, i]))
        : expected('a list')
    case 'object': {
      if (!isObject(value)) return expected('a map')
      if (!('properties' in schema))
        return Object.keys(value).flatMap((key) => validate(schema.additionalProperties, value[key], [...path, key]))
      const known = Object.keys(schema.properties)
      const members = Object.keys(value).flatMap((key) => {
        const member = own(schema.properties, key)
        return member
          ? validate(member, value[key], [...path, key])
          : [{ path: [...path, key], text: `unknown key ${JSON.stringify(key)}${hint(key, known)}` }]
      })
      return [...missing(schema, value).map((text) => ({ path, text })), ...members]
    }
  }
}

/** Longer lists are not printed: the nearest word helps more. */
const mostListed = 8

function validateText(schema: TextSchema, value: string): string[] {
  if (schema.enum && !schema.enum.includes(value)) {
    const among = schema.enum.length > mostListed ? `the ${schema.enum.length} known` : schema.enum.join(', ')
    return [`${JSON.stringify(value)} is not one of ${among}${hint(value, schema.enum)}`]
  }
  if (schema.pattern && !new RegExp(schema.pattern, 'u').test(value))
    return [`expected something like ${schema.examples?.join(' or ') ?? schema.pattern}, found ${show(value)}`]
  return []
}

/** Keys that must be there and are not. A near-miss is told of as an unknown key as well. */
function missing({ required = [], oneOf = [] }: ObjectSchema, value: Readonly<Record<string, unknown>>): string[] {
  const texts = required.filter((key) => !Object.hasOwn(value, key)).map((key) => `${key} is missing`)
  const choice = oneOf.map((one) => one.required[0])
  const chosen = choice.filter((key) => Object.hasOwn(value, key))
  if (choice.length > 0 && chosen.length === 0) texts.push(`either ${choice.join(' or ')} must be given`)
  if (chosen.length > 1) texts.push(`${chosen.join(' and ')} exclude each other`)
  return texts
}

function isScalar(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean'
}

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return isObject(value) ? 'a map' : (JSON.stringify(value) ?? 'nothing')
}

function hint(word: string, known: readonly string[]): string {
  const near = nearest(word, known)
  return near === undefined ? '' : `; did you mean ${near}?`
}
