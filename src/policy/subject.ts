import { type Box, contains } from './box.ts'
import { namespaceKey, namespaceNameLabel, nobody } from './policy.ts'

/**
 * Whom a policy of one namespace is about, when it also speaks of the namespace's name, as dialects let it: what it says holds
 * there, and is left out, or does not, and it is about nobody.
 */
export function subjectIn(namespace: string, box: Box): Box {
  const key = namespaceKey + namespaceNameLabel
  const byName = new Map([...box].filter(([term]) => term === key))
  if (!contains(byName, { [namespaceNameLabel]: namespace }, namespaceKey)) return nobody
  return new Map([...box].filter(([term]) => term !== key))
}
