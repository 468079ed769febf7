import { isAlias, isMap, isSeq, Scalar, type ScalarTag } from 'yaml'
import { decodeBase64 } from './bulk-schema.ts'
import { falses, nulls, numberLike, numberOf, trues } from './scalars.ts'

const tag = (name: string) => `tag:yaml.org,2002:${name}`
const word = (words: Iterable<string>) => new RegExp(`^(?:${[...words].join('|')})$`)

/** What is said to be of a type and is not is an error, as in kubectl. */
function explicit(name: string, valueOf: (source: string) => unknown): ScalarTag {
  return {
    tag: tag(name),
    resolve(source, onError) {
      const value = valueOf(source)
      if (value === undefined) onError(`${JSON.stringify(source)} is no ${name}`)
      return value
    },
  }
}

const mergeKey = Symbol('<<')

/** Is this the key `<<` that merges, and not a text of that name? */
export function isMergeKey(key: unknown): boolean {
  return key instanceof Scalar && key.value === mergeKey
}

/** go-yaml merges where `<<` stands: a key before it gives way. Of a list of maps the first wins. See `bulk-schema.ts`. */
const merge: NonNullable<Scalar['addToJSMap']> = (ctx, into, value) => {
  const resolved = (node: unknown) => (ctx && isAlias(node) ? node.resolve(ctx.doc, ctx) : node)
  const source = resolved(value)
  for (const node of isSeq(source) ? source.items.toReversed() : [source]) {
    const map = resolved(node)
    if (!isMap(map)) throw new Error('only a map, or a list of maps, can be merged')
    for (const [key, member] of map.toJSON(undefined, ctx, Map<unknown, unknown>))
      Object.defineProperty(into, String(key), { value: member, writable: true, enumerable: true, configurable: true })
  }
}

/**
 * What `yaml`, the reader of positions, is told so that it reads as js-yaml and kubectl do; to be used with
 * `schema: 'failsafe'`. Tags without a test are those that are written out (`!!int "3"`).
 */
export const sourceTags: ScalarTag[] = [
  { identify: (value) => value === null, default: true, tag: tag('null'), test: word(nulls), resolve: () => null },
  {
    identify: (value) => typeof value === 'boolean',
    default: true,
    tag: tag('bool'),
    test: word([...trues, ...falses]),
    resolve: (source) => trues.has(source),
  },
  {
    identify: (value) => typeof value === 'number',
    default: true,
    tag: tag('int'),
    test: numberLike,
    resolve: (source) => numberOf(source) ?? source,
  },
  explicit('null', (source) => (nulls.has(source) ? null : undefined)),
  explicit('bool', (source) => (trues.has(source) ? true : falses.has(source) ? false : undefined)),
  explicit('int', numberOf),
  explicit('float', numberOf),
  explicit('binary', decodeBase64),
  {
    default: 'key',
    tag: tag('merge'),
    test: /^<<$/,
    resolve: () => Object.assign(new Scalar(mergeKey), { addToJSMap: merge }),
  },
]
