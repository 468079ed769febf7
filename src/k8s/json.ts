/** A value that JSON can hold, read-only. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject

/** A JSON object. Read its members with {@link own}: `constructor` and `__proto__` are legal keys. */
export interface JsonObject {
  readonly [key: string]: Json
}

/** Where a value lies: object keys and array indexes, from the root of one resource. */
export type Path = readonly (string | number)[]

/** Is this a JSON object (not null, not an array)? */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object's own member, never one of `Object.prototype`: label keys such as `constructor` are valid. */
export function own<T>(object: Readonly<Record<string, T>> | null | undefined, key: string): T | undefined {
  return object != null && Object.hasOwn(object, key) ? object[key] : undefined
}

/** The value a path leads to, or undefined where the path ends early. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root
  for (const step of path) {
    if (Array.isArray(value)) value = typeof step === 'number' ? value[step] : undefined
    else if (isObject(value)) value = own(value, String(step))
    else return undefined
  }
  return value
}

/** A path as people write it: `spec.ingress[0].ports`, `metadata.annotations["config.linkerd.io/opaque-ports"]`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(step)) text += text === '' ? step : `.${step}`
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}

/** A path as RFC 6901 JSON Pointer. */
export function jsonPointer(path: Path): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** A text that still holds a `${VAR}` of Flux' or envsubst's substitution: its value is not known yet. */
export type Unresolved = `${string}\${${string}`

/** Does this value still wait for substitution (`${VAR}`, `${VAR:=default}`)? */
export function isUnresolved(value: unknown): value is Unresolved {
  return typeof value === 'string' && value.includes('${')
}

/** Are two JSON values equal? Iterative: objects may be nested 10,000 deep (the API server's limit). */
export function jsonEqual(left: unknown, right: unknown): boolean {
  const pending: [unknown, unknown][] = [[left, right]]
  for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
    const [a, b] = pair
    if (Object.is(a, b)) continue
    if (Array.isArray(a)) {
      if (!Array.isArray(b) || a.length !== b.length) return false
      for (let i = 0; i < a.length; i++) pending.push([a[i], b[i]])
    } else if (isObject(a)) {
      if (!isObject(b)) return false
      const keys = Object.keys(a)
      if (keys.length !== Object.keys(b).length) return false
      for (const key of keys) {
        if (!Object.hasOwn(b, key)) return false
        pending.push([a[key], b[key]])
      }
    } else return false
  }
  return true
}
