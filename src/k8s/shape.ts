import { isObject, isUnresolved, type Path, type Unresolved } from './json.ts'

/** Why a value does not have a shape, and where. */
export interface Misfit {
  readonly path: Path
  readonly reason: string
}

/** Parts of objects of which a projection keeps some only, by their key. */
export type Part = 'annotations' | 'environment'

/** How a value is cut down to what its shape names. */
export interface Projection {
  /** Is this annotation, or the value of this environment variable, worth keeping? */
  keeps(part: Part, key: string): boolean
  /** The one object that stands for all equal ones. */
  share<T extends object>(value: T): T
}

/**
 * What a value must look like. `check` answers undefined when it fits. `T` is the type the value then has.
 *
 * Shapes follow Go's JSON decoding, as the API server does: null is the zero value everywhere (a null list is empty, a
 * null list element is an empty element), unknown members are ignored, a wrong type is an error.
 */
export interface Shape<T> {
  check(value: unknown): Misfit | undefined
  /** A frozen copy with nothing but what the shape names. What does not fit stays as it is, for `check` to find. */
  project(value: unknown, projection: Projection): unknown
  /**
   * What a projection keeps, as a text: two values that fit and have the same one are projected to the same. Empty where a
   * projection leaves the value out. Throws a RangeError for what nobody looks into and is nested too deep.
   */
  spell(value: unknown, keeps: Projection['keeps']): string
  /** Never present; carries the type. */
  readonly type?: T
}

/** The type of the values that fit a shape. */
export type Fits<S> = S extends Shape<infer T> ? T : never

/** Says what was found, and the way out where a YAML spelling is the likely cause. */
function misfit(expected: string, value: unknown): Misfit {
  const found = Array.isArray(value) ? 'a list' : isObject(value) ? 'a map' : `the ${typeof value} ${String(value)}`
  const advice = expected === 'a string' && typeof value !== 'object' ? '; put it in quotes' : ''
  return {
    path: [],
    reason: `expected ${expected}, found ${typeof value === 'string' ? JSON.stringify(value) : found}${advice}`,
  }
}

function below(step: string | number, { path, reason }: Misfit): Misfit {
  return { path: [step, ...path], reason }
}

const asItIs = (value: unknown) => value

/** Says by itself where it ends, as every text of {@link Shape.spell}. */
function spellScalar(value: unknown): string {
  return typeof value === 'string' ? `${value.length}:${value}` : `${String(value)};`
}

function scalar<T>(expected: string, fits: (value: unknown) => boolean): Shape<T | null> {
  return {
    check: (value) => (value === null || fits(value) ? undefined : misfit(expected, value)),
    project: asItIs,
    spell: spellScalar,
  }
}

export const text: Shape<string | null> = scalar('a string', (value) => typeof value === 'string')

export const int: Shape<number | Unresolved | null> = scalar(
  'an integer',
  (value) => Number.isSafeInteger(value) || isUnresolved(value),
)

export const number: Shape<number | Unresolved | null> = scalar(
  'a number',
  (value) => typeof value === 'number' || isUnresolved(value),
)

export const bool: Shape<boolean | Unresolved | null> = scalar(
  'true or false',
  (value) => typeof value === 'boolean' || isUnresolved(value),
)

/** Kubernetes' IntOrString: a port number or a port name. */
export const intOrText: Shape<number | string | null> = scalar(
  'an integer or a string',
  (value) => Number.isSafeInteger(value) || typeof value === 'string',
)

/** A value nobody looks into. */
export const anything: Shape<unknown> = {
  check: () => undefined,
  project: asItIs,
  spell: (value) => spellScalar(JSON.stringify(value)),
}

export function list<T>(element: Shape<T>): Shape<readonly T[] | null> {
  return {
    check(value) {
      if (value === null) return undefined
      if (!Array.isArray(value)) return misfit('a list', value)
      for (let i = 0; i < value.length; i++) {
        const wrong = element.check(value[i])
        if (wrong) return below(i, wrong)
      }
      return undefined
    },
    project: (value, projection) =>
      Array.isArray(value) ? Object.freeze(value.map((item) => element.project(item, projection))) : value,
    spell(value, keeps) {
      if (!Array.isArray(value)) return spellScalar(value)
      let text = '['
      for (const item of value) text += element.spell(item, keeps)
      return `${text}]`
    },
  }
}

/** @param part where a projection keeps some keys only */
export function map<T>(element: Shape<T>, part?: Part): Shape<Readonly<Record<string, T>> | null> {
  return {
    check(value) {
      if (value === null) return undefined
      if (!isObject(value)) return misfit('a map', value)
      for (const key of Object.keys(value)) {
        const wrong = element.check(value[key])
        if (wrong) return below(key, wrong)
      }
      return undefined
    },
    project(value, projection) {
      if (!isObject(value)) return value
      const kept: Record<string, unknown> = {}
      let empty = true
      for (const key of Object.keys(value)) {
        if (part !== undefined && !projection.keeps(part, key)) continue
        const item = element.project(value[key], projection)
        if (key === '__proto__') Object.defineProperty(kept, key, { value: item, enumerable: true })
        else kept[key] = item
        empty = false
      }
      return part !== undefined && empty ? undefined : Object.freeze(kept)
    },
    spell(value, keeps) {
      if (!isObject(value)) return spellScalar(value)
      let text = ''
      for (const key of Object.keys(value))
        if (part === undefined || keeps(part, key)) text += spellScalar(key) + element.spell(value[key], keeps)
      return part !== undefined && text === '' ? '' : `{${text}}`
    },
  }
}

type Members = Readonly<Record<string, Shape<unknown>>>
type Struct<M extends Members> = { readonly [K in keyof M]?: Fits<M[K]> | undefined }

export function struct<const M extends Members>(members: M): Shape<Struct<M> | null> {
  const entries = Object.entries(members)
  return {
    check(value) {
      if (value === null) return undefined
      if (!isObject(value)) return misfit('a map', value)
      for (const [key, shape] of entries) {
        if (!Object.hasOwn(value, key)) continue
        const wrong = shape.check(value[key])
        if (wrong) return below(key, wrong)
      }
      return undefined
    },
    project(value, projection) {
      if (!isObject(value)) return value
      const kept: Record<string, unknown> = {}
      for (const [key, shape] of entries) {
        const member = Object.hasOwn(value, key) ? shape.project(value[key], projection) : undefined
        if (member !== undefined) kept[key] = member
      }
      return Object.freeze(kept)
    },
    spell(value, keeps) {
      if (!isObject(value)) return spellScalar(value)
      let text = '('
      for (const [key, shape] of entries) {
        const member = Object.hasOwn(value, key) ? shape.spell(value[key], keeps) : ''
        if (member !== '') text += `${key}=${member}`
      }
      return `${text})`
    },
  }
}

/** The same shape, of whose values many are equal: a projection makes them one object. */
export function shared<T>(shape: Shape<T>): Shape<T> {
  return {
    check: (value) => shape.check(value),
    project(value, projection) {
      const projected = shape.project(value, projection)
      return typeof projected === 'object' && projected !== null ? projection.share(projected) : projected
    },
    spell: (value, keeps) => shape.spell(value, keeps),
  }
}

/** The same shape, which a projection keeps whole where the name in it is worth keeping, and otherwise by its name alone. */
export function named<T>(shape: Shape<T>, part: Part): Shape<T> {
  const nameOnly = struct({ name: text })
  return {
    check: (value) => shape.check(value),
    project: (value, projection) =>
      isObject(value) && projection.keeps(part, String(value['name']))
        ? shape.project(value, projection)
        : nameOnly.project(value, projection),
    spell: (value, keeps) =>
      isObject(value) && keeps(part, String(value['name'])) ? shape.spell(value, keeps) : nameOnly.spell(value, keeps),
  }
}

/** A value that has two shapes at once. */
export function both(one: Shape<unknown>, other: Shape<unknown>): Shape<unknown> {
  return {
    check: (value) => one.check(value) ?? other.check(value),
    project(value, projection) {
      if (!isObject(value)) return value
      return Object.freeze({
        ...(one.project(value, projection) as object),
        ...(other.project(value, projection) as object),
      })
    },
    spell: (value, keeps) => one.spell(value, keeps) + other.spell(value, keeps),
  }
}
