import { defineScalarTag, FAILSAFE_SCHEMA, mergeTag, NOT_RESOLVED, type Schema } from 'js-yaml'
import type { ScalarTag } from 'yaml'

/*
 * kubectl reads YAML with the 1.1 dialect of go-yaml v2: `on` is true, `017` is 15, `1:30` and dates are texts. Both of our
 * libraries are told the same here; `test/manifests/scalars.test.ts` holds what kubectl printed for each spelling.
 */

const nulls = new Set(['', '~', 'null', 'Null', 'NULL'])
const trues = new Set(['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'])
const falses = new Set(['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'])

// go-yaml's resolve(): underscores are dropped, then an integer of base 0 is tried, then a float.
const integer = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/
const numberLike = /^[-+.0-9][-+.0-9a-zA-Z_]*$/

/** The number that kubectl reads, or undefined for a text. */
export function numberOf(text: string): number | undefined {
  if (!numberLike.test(text)) return undefined
  const plain = text.replaceAll('_', '')
  const match = integer.exec(plain)
  if (match) {
    const [, sign, hex, binary, octal, decimal] = match
    const size = hex
      ? Number(`0x${hex}`)
      : binary
        ? Number(`0b${binary}`)
        : octal
          ? Number(`0o${octal}`)
          : Number(decimal)
    return sign === '-' && size !== 0 ? -size : size
  }
  if (float.test(plain)) return Number(plain)
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  return /^\.(?:nan|NaN|NAN)$/.test(text) ? Number.NaN : undefined
}

/** What kubectl makes of a scalar without quotes. */
export function plainScalar(text: string): null | boolean | number | string {
  if (nulls.has(text)) return null
  if (trues.has(text)) return true
  return falses.has(text) ? false : (numberOf(text) ?? text)
}

const tag = (name: string) => `tag:yaml.org,2002:${name}`

/** The schema for js-yaml. */
export const bulkSchema: Schema = FAILSAFE_SCHEMA.withTags(
  defineScalarTag(tag('null'), {
    implicit: true,
    implicitFirstChars: ['', '~', 'n', 'N'],
    resolve: (source) => (nulls.has(source) ? null : NOT_RESOLVED),
    identify: () => false,
  }),
  defineScalarTag(tag('bool'), {
    implicit: true,
    implicitFirstChars: ['y', 'Y', 'n', 'N', 't', 'T', 'f', 'F', 'o', 'O'],
    resolve: (source) => (trues.has(source) ? true : falses.has(source) ? false : NOT_RESOLVED),
    identify: () => false,
  }),
  defineScalarTag(tag('int'), {
    implicit: true,
    implicitFirstChars: ['-', '+', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    resolve: (source) => numberOf(source) ?? NOT_RESOLVED,
    identify: () => false,
  }),
  defineScalarTag(tag('float'), { resolve: (source) => numberOf(source) ?? NOT_RESOLVED, identify: () => false }),
  mergeTag,
)

const word = (words: ReadonlySet<string>) => new RegExp(`^(?:${[...words].join('|')})$`)

/** The same as tags for `yaml`, to be used with `schema: 'failsafe'`. */
export const sourceTags: (ScalarTag | 'merge')[] = [
  { identify: (value) => value === null, default: true, tag: tag('null'), test: word(nulls), resolve: () => null },
  {
    identify: (value) => typeof value === 'boolean',
    default: true,
    tag: tag('bool'),
    test: word(new Set([...trues, ...falses])),
    resolve: (source) => trues.has(source),
  },
  {
    identify: (value) => typeof value === 'number',
    default: true,
    tag: tag('int'),
    test: numberLike,
    resolve: (source) => numberOf(source) ?? source,
  },
  { tag: tag('float'), resolve: (source) => numberOf(source) ?? source },
  'merge',
]
