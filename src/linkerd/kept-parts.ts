import { suppressPrefix } from '../core/enforce.ts'
import type { Part } from '../k8s/shape.ts'
import { isLinkerdKey, proxyVariablePrefix } from './facts.ts'

/** The kubelet's mark on Pods that it made from a file. */
const mirrorKey = 'kubernetes.io/config.mirror'

/** Which annotations rules read, and of which variables of a container the value. */
export function isPartKept(part: Part, key: string): boolean {
  return part === 'environment'
    ? key.startsWith(proxyVariablePrefix)
    : isLinkerdKey(key) || key.startsWith(suppressPrefix) || key === mirrorKey
}
