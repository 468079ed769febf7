import { isObject, isUnresolved, type Path, type Unresolved } from './json.ts'

/** Why a value does not have a shape, and where. */
export interface Misfit {
  readonly path: Path
  readonly reason: string
}

/**
 * What a value must look like. `check` answers undefined when it fits. `T` is the type the value then has.
 *
 * Shapes follow Go's JSON decoding, as the API server does: null is the zero value everywhere (a null list is empty, a
 * null list element is an empty element), unknown members are ignored, a wrong type is an error.
 */
export interface Shape<T> {
  check(value: unknown): Misfit | undefined
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

function scalar<T>(expected: string, fits: (value: unknown) => boolean): Shape<T | null> {
  return {
    check: (value) => (value === null || fits(value) ? undefined : misfit(expected, value)),
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
export const anything: Shape<unknown> = { check: () => undefined }

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
  }
}

export function map<T>(element: Shape<T>): Shape<Readonly<Record<string, T>> | null> {
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
  }
}
