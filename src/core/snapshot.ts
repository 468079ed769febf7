import { type KindName, kinds } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'

/**
 * How much of the world a snapshot holds:
 * - `nothing`: only the subject is known;
 * - `input`: what the user gave (files); more may exist;
 * - `cluster`: everything, so absence is evidence.
 */
export type Scope = 'nothing' | 'input' | 'cluster'

/** Read-only resources around the subject. */
export interface Snapshot {
  readonly scope: Scope
  all<K extends KindName>(kind: K): readonly Resource<K>[]
  inNamespace<K extends KindName>(kind: K, namespace: string): readonly Resource<K>[]
}

/** A snapshot of these resources. Of two with the same kind, namespace and name, both are kept: files may repeat. */
export function snapshotOf(resources: Iterable<Resource>, scope: Scope): Snapshot {
  const byKind = new Map<KindName, Resource[]>()
  const byNamespace = new Map<string, Resource[]>()
  for (const resource of resources) {
    add(byKind, resource.kind, resource)
    add(byNamespace, `${resource.kind}/${resource.namespace}`, resource)
  }
  return {
    scope,
    all: <K extends KindName>(kind: K) => (byKind.get(kind) ?? []) as unknown as readonly Resource<K>[],
    inNamespace: <K extends KindName>(kind: K, namespace: string) =>
      (byNamespace.get(`${kind}/${namespace}`) ?? []) as unknown as readonly Resource<K>[],
  }
}

/** The snapshot as it would be with the subject admitted: it replaces the object of the same kind, namespace and name. */
export function withSubject(snapshot: Snapshot, subject: Resource): Snapshot {
  const other = (resource: Resource) =>
    resource.name !== subject.name || (kinds[subject.kind].namespaced && resource.namespace !== subject.namespace)
  const overlay = <K extends KindName>(kind: K, found: readonly Resource<K>[]): readonly Resource<K>[] =>
    kind === subject.kind ? [...found.filter(other), subject as unknown as Resource<K>] : found
  return {
    scope: snapshot.scope,
    all: (kind) => overlay(kind, snapshot.all(kind)),
    inNamespace: (kind, namespace) =>
      namespace === subject.namespace
        ? overlay(kind, snapshot.inNamespace(kind, namespace))
        : snapshot.inNamespace(kind, namespace),
  }
}

function add<Key>(index: Map<Key, Resource[]>, key: Key, resource: Resource): void {
  const found = index.get(key)
  if (found) found.push(resource)
  else index.set(key, [resource])
}
