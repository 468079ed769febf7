import { type KindName, kinds } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'
import { type Derivations, noDerivations } from './derivations.ts'

/**
 * How much of the world a snapshot holds:
 * - `nothing`: only the subject is known;
 * - `input`: what the user gave (files); more may exist;
 * - `cluster`: everything, so absence is evidence.
 */
export type Scope = 'nothing' | 'input' | 'cluster'

/** A kind, in one namespace or in all of them: what is read, and what changes. A Namespace is in the one of its own name. */
export interface Partition {
  readonly kind: KindName
  readonly namespace: string
}

/** Why what is known of a kind cannot be relied on: it was never read whole, or not for a while. */
export interface Trouble {
  readonly as: 'unsynced' | 'stale'
  /** For people: `not allowed to list it`. */
  readonly why: string
}

/** Read-only resources around the subject. A live one changes between reviews, never within one. */
export interface Snapshot {
  readonly scope: Scope
  all<K extends KindName>(kind: K): readonly Resource<K>[]
  inNamespace<K extends KindName>(kind: K, namespace: string): readonly Resource<K>[]
  /** Namespaces in which there is something of the kind. */
  namespacesWith(kind: KindName): Iterable<string>
  trouble(kind: KindName): Trouble | undefined
  /** When the kind last changed (in one namespace): a number that only grows. 0 is never. */
  stamp(kind: KindName, namespace?: string): number
  /** When anything last changed. */
  readonly now: number
  /** Where something changed after a stamp. A place may come more than once. */
  changesSince(stamp: number): Iterable<Partition>
  /** What was derived from it. */
  readonly derivations: Derivations
  /** The snapshot this one differs from, and the only place where it does. */
  readonly base?: { readonly snapshot: Snapshot; readonly changed: Partition }
}

/** Where a resource is filed: its namespace; for cluster-scoped kinds, its name. */
export function partitionOf({ kind, namespace, name }: Pick<Resource, 'kind' | 'namespace' | 'name'>): Partition {
  return { kind, namespace: kinds[kind].namespaced ? namespace : name }
}

/** A snapshot of these resources. Of two with the same kind, namespace and name, both are kept: files may repeat. */
export function snapshotOf(resources: Iterable<Resource>, scope: Scope): Snapshot {
  const byKind = new Map<KindName, Resource[]>()
  const byNamespace = new Map<KindName, Map<string, Resource[]>>()
  for (const resource of resources) {
    const { kind, namespace } = partitionOf(resource)
    add(byKind, kind, resource)
    let namespaces = byNamespace.get(kind)
    if (!namespaces) byNamespace.set(kind, (namespaces = new Map()))
    add(namespaces, namespace, resource)
  }
  return {
    scope,
    derivations: noDerivations(),
    now: 0,
    stamp: () => 0,
    changesSince: () => [],
    trouble: () => undefined,
    namespacesWith: (kind) => byNamespace.get(kind)?.keys() ?? [],
    all: <K extends KindName>(kind: K) => (byKind.get(kind) ?? []) as unknown as readonly Resource<K>[],
    inNamespace: <K extends KindName>(kind: K, namespace: string) =>
      (byNamespace.get(kind)?.get(namespace) ?? []) as unknown as readonly Resource<K>[],
  }
}

/** The snapshot as it would be with the subject admitted: it replaces the object of the same kind, namespace and name. */
export function withSubject(snapshot: Snapshot, subject: Resource): Snapshot {
  return changed(snapshot, subject, [subject])
}

/** The snapshot as it would be without the subject. */
export function withoutSubject(snapshot: Snapshot, subject: Resource): Snapshot {
  return changed(snapshot, subject, [])
}

function changed(snapshot: Snapshot, subject: Resource, instead: readonly Resource[]): Snapshot {
  const place = partitionOf(subject)
  const others = (found: readonly Resource[]) => found.filter((other) => !isSameObject(other, subject))
  let all: readonly Resource[] | undefined
  let neighbours: readonly Resource[] | undefined
  return {
    scope: snapshot.scope,
    derivations: noDerivations(),
    now: snapshot.now,
    stamp: (kind, namespace) => snapshot.stamp(kind, namespace),
    changesSince: (stamp) => snapshot.changesSince(stamp),
    trouble: (kind) => snapshot.trouble(kind),
    base: { snapshot, changed: place },
    namespacesWith(kind) {
      const found = snapshot.namespacesWith(kind)
      return kind === place.kind && instead.length > 0 ? new Set([...found, place.namespace]) : found
    },
    all<K extends KindName>(kind: K) {
      const found = snapshot.all(kind)
      if (kind !== place.kind) return found
      all ??= [...others(found), ...instead]
      return all as unknown as readonly Resource<K>[]
    },
    inNamespace<K extends KindName>(kind: K, namespace: string) {
      const found = snapshot.inNamespace(kind, namespace)
      if (kind !== place.kind || namespace !== place.namespace) return found
      neighbours ??= [...others(found), ...instead]
      return neighbours as unknown as readonly Resource<K>[]
    },
  }
}

/** Do both stand for one object in the cluster? */
export function isSameObject(left: Resource, right: Resource): boolean {
  return left.kind === right.kind && left.name === right.name && left.namespace === right.namespace
}

function add<Key>(index: Map<Key, Resource[]>, key: Key, resource: Resource): void {
  const found = index.get(key)
  if (found) found.push(resource)
  else index.set(key, [resource])
}
