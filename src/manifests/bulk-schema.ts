import {
  defineMappingTag,
  defineScalarTag,
  defineSequenceTag,
  FAILSAFE_SCHEMA,
  mapTag,
  mergeTag,
  NOT_RESOLVED,
  type Schema,
} from 'js-yaml'
import { falses, nulls, numberOf, trues } from './scalars.ts'

/*
 * What js-yaml, the reader of values, is told so that it reads as kubectl does.
 */

const tag = (name: string) => `tag:yaml.org,2002:${name}`

const scalars = [
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
  defineScalarTag(tag('binary'), { resolve: decodeBase64, identify: () => false }),
]

/** The text that base64 stands for, as kubectl hands it on. */
export function decodeBase64(source: string): string {
  return Buffer.from(source, 'base64').toString('utf8')
}

/** Why kubectl takes no such value: JSON has none. */
function refusal(value: unknown): string {
  return typeof value === 'number' && !Number.isFinite(value) ? 'JSON has no infinity and no NaN; put it in quotes' : ''
}

/*
 * go-yaml merges (`<<`) where it stands: a key before it gives way, a key behind it wins. (YAML's own merge lets every key of the
 * map win, wherever it stands.) Of a list of maps the first wins. js-yaml asks `has` of each key of each map that it merges, and
 * of nothing else, since the `json` option is on: so the answer is whether another map of the same `<<` has brought the key.
 */
let merges = 0
const broughtBy = new WeakMap<object, Map<string, number>>()

/** Is the next pair one that is merged? js-yaml asks `has` right before it adds each of those. */
let isMerged = false
/** Keys that stand in a map because a merge brought them, and for no other reason. */
const onlyMerged = new WeakMap<object, Set<string>>()

/**
 * What a text says in vain: by map, and by key that the map's author wrote several times, the values of all its entries but the
 * last, which wins as in kubectl. Who overrides a merged key repeats nothing.
 */
export type LostEntries = ReadonlyMap<object, ReadonlyMap<string, readonly unknown[]>>
let lost: Map<object, Map<string, unknown[]>> | undefined

/** Reads with {@link bulkSchema}, and answers also which entries were lost; undefined when there are none. */
export function notingLost<T>(read: () => T): { readonly value: T; readonly lost: LostEntries | undefined } {
  lost = undefined
  isMerged = false
  const value = read()
  return { value, lost }
}

/** The map has the key already. */
function noteLost(map: Record<string, unknown>, key: string): void {
  if (onlyMerged.get(map)?.delete(key)) return
  lost ??= new Map()
  const entries = lost.get(map) ?? new Map<string, unknown[]>()
  lost.set(map, entries)
  const values = entries.get(key)
  if (values) values.push(map[key])
  else entries.set(key, [map[key]])
}

const mapping = {
  create: (): Record<string, unknown> => ({}),
  addPair(map: Record<string, unknown>, key: unknown, value: unknown) {
    const merged = isMerged
    isMerged = false
    const name = String(key)
    if (key === null) return 'a key is null'
    if (Object.hasOwn(map, name)) {
      if (!merged) noteLost(map, name)
    } else if (merged) {
      const keys = onlyMerged.get(map) ?? new Set()
      onlyMerged.set(map, keys.add(name))
    }
    return refusal(key) || refusal(value) || mapTag.addPair(map, key, value)
  },
  has(map: Record<string, unknown>, key: unknown) {
    const brought = broughtBy.get(map) ?? new Map<string, number>()
    broughtBy.set(map, brought)
    const name = String(key)
    if (brought.get(name) === merges) return true
    brought.set(name, merges)
    isMerged = true
    return false
  },
  keys: mapTag.keys,
  get: mapTag.get,
  identify: () => false,
}

const sequence = {
  create: (): unknown[] => [],
  addItem(list: unknown[], item: unknown) {
    list.push(item)
    return refusal(item)
  },
  identify: () => false,
}

/** A tag that nobody knows changes nothing, except that a scalar is a text. The empty prefix is that of every tag. */
const unknownTags = [
  defineScalarTag('', { matchByTagPrefix: true, resolve: (source) => source, identify: () => false }),
  defineMappingTag('', { ...mapping, matchByTagPrefix: true }),
  defineSequenceTag('', { ...sequence, matchByTagPrefix: true }),
]

/** The schema for js-yaml, to be used with `json: true`. */
export const bulkSchema: Schema = FAILSAFE_SCHEMA.withTags(
  ...scalars,
  defineMappingTag(tag('map'), mapping),
  defineSequenceTag(tag('seq'), sequence),
  {
    ...mergeTag,
    resolve(source, isExplicit, tagName) {
      merges++
      return mergeTag.resolve(source, isExplicit, tagName)
    },
  },
  ...unknownTags,
)
