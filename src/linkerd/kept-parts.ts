import { suppressPrefix } from '../core/enforce.ts'
import { mirrorAnnotation } from '../k8s/resource.ts'
import type { Part } from '../k8s/shape.ts'
import { isLinkerdKey, proxyVariablePrefix } from './facts.ts'

/** Which annotations rules read, and of which variables of a container the value. */
export function isPartKept(part: Part, key: string): boolean {
  return part === 'environment'
    ? key.startsWith(proxyVariablePrefix)
    : isLinkerdKey(key) || key.startsWith(suppressPrefix) || key === mirrorAnnotation
}
