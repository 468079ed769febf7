import { isObject } from '../../k8s/json.ts'

interface EnvironmentVariable {
  readonly name?: string | null
  readonly value?: string | null
}

/** The variables in a `proxy-additional-env`, or undefined when Go could not decode it. */
export function environmentOf(value: string): readonly EnvironmentVariable[] | undefined {
  try {
    const list: unknown = JSON.parse(value)
    if (list === null) return []
    if (!Array.isArray(list)) return undefined
    const variables: readonly unknown[] = list.map((one: unknown) => one ?? {})
    return variables.every(isVariable) ? variables : undefined
  } catch {
    return undefined
  }
}

function isVariable(variable: unknown): variable is EnvironmentVariable {
  return isObject(variable) && isTextOrAbsent(variable['name']) && isTextOrAbsent(variable['value'])
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string'
}
