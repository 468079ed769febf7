import { isUnresolved } from '../k8s/json.ts'
import { labelsOf, type Resource } from '../k8s/resource.ts'
import { selects } from '../k8s/selector.ts'
import type { LabelSelector } from '../k8s/spec-shapes.ts'
import { fitsGlob } from './glob.ts'
import type { Snapshot } from './snapshot.ts'

/** Namespaces that configuration means: by name, with `*` and `?`, or by their labels. */
export type NamespacePattern = string | { readonly selector: LabelSelector }

/** Is a namespace meant? Of labels that nobody knows, the answer is not known. */
export type Meant = 'yes' | 'no' | 'unknown'

/** Every Namespace has it: the API server sets it, and manifests leave it out. */
const nameLabel = 'kubernetes.io/metadata.name'

/**
 * Does any of the patterns mean this namespace?
 *
 *   | one says yes | one is unknown | answer  |
 *   | yes          | any            | yes     |
 *   | no           | yes            | unknown |
 *   | no           | no             | no      |
 *
 * @param name empty for what is in no namespace: nothing means that
 * @param namespace the Namespace itself, where it is known
 */
export function isMeant(
  patterns: readonly NamespacePattern[],
  name: string,
  namespace: Resource<'Namespace'> | undefined,
): Meant {
  if (name === '') return 'no'
  let answer: Meant = 'no'
  for (const pattern of patterns) {
    const one = typeof pattern === 'string' ? byName(pattern, name) : byLabels(pattern.selector, name, namespace)
    if (one === 'yes') return 'yes'
    if (one === 'unknown') answer = 'unknown'
  }
  return answer
}

function byName(pattern: string, name: string): Meant {
  if (isUnresolved(name) && pattern !== '*') return 'unknown'
  return fitsGlob(pattern, name) ? 'yes' : 'no'
}

function byLabels(selector: LabelSelector, name: string, namespace: Resource<'Namespace'> | undefined): Meant {
  if (namespace === undefined) return 'unknown'
  const labels = labelsOf(namespace.metadata)
  if (isUnresolved(name) || Object.values(labels).some(isUnresolved)) return 'unknown'
  return selects(selector, { ...labels, [nameLabel]: name }) ? 'yes' : 'no'
}

/** The namespace that configuration sees an object in: a Namespace is in itself. */
export function namespaceNameOf(subject: Resource): string {
  return subject.kind === 'Namespace' ? subject.name : subject.namespace
}

/** The Namespace of this name. Of two in files, the later holds, as when both are applied. */
export function namespaceIn(snapshot: Snapshot, name: string): Resource<'Namespace'> | undefined {
  return snapshot.inNamespace('Namespace', name).at(-1)
}
