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
  /** What was derived from it, by the function that did. */
  readonly derivations: Map<unknown, Derivation[]>
  /** The snapshot this one differs from, and the only kind in which it does. */
  readonly base?: { readonly snapshot: Snapshot; readonly changed: KindName }
}

/** What a function made of a snapshot under some circumstances, and the kinds it read for that. */
export interface Derivation {
  readonly compute: unknown
  readonly settings: unknown
  readonly stage: unknown
  readonly kinds: ReadonlySet<KindName>
  readonly value: unknown
}

type Circumstances = Pick<Derivation, 'compute' | 'settings' | 'stage'>

/** What was derived from the snapshot, or from its base without a look at the kind in which they differ. */
export function recall(snapshot: Snapshot, { compute, settings, stage }: Circumstances): Derivation | undefined {
  const found = snapshot.derivations.get(compute)?.find((one) => one.settings === settings && one.stage === stage)
  if (found || !snapshot.base) return found
  const inherited = recall(snapshot.base.snapshot, { compute, settings, stage })
  return inherited?.kinds.has(snapshot.base.changed) ? undefined : inherited
}

/** Keeps a derivation for as long as it holds: with the base, when it did not look at what differs. */
export function remember(snapshot: Snapshot, derivation: Derivation): void {
  const { base } = snapshot
  if (base && !derivation.kinds.has(base.changed)) return remember(base.snapshot, derivation)
  const known = snapshot.derivations.get(derivation.compute)
  if (known) known.push(derivation)
  else snapshot.derivations.set(derivation.compute, [derivation])
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
    derivations: new Map(),
    all: <K extends KindName>(kind: K) => (byKind.get(kind) ?? []) as unknown as readonly Resource<K>[],
    inNamespace: <K extends KindName>(kind: K, namespace: string) =>
      (byNamespace.get(`${kind}/${namespace}`) ?? []) as unknown as readonly Resource<K>[],
  }
}

/** The snapshot as it would be with the subject admitted: it replaces the object of the same kind, namespace and name. */
export function withSubject(snapshot: Snapshot, subject: Resource): Snapshot {
  const other = (resource: Resource) =>
    resource.name !== subject.name || (kinds[subject.kind].namespaced && resource.namespace !== subject.namespace)
  let all: readonly Resource[] | undefined
  let neighbours: readonly Resource[] | undefined
  return {
    scope: snapshot.scope,
    derivations: new Map(),
    base: { snapshot, changed: subject.kind },
    all<K extends KindName>(kind: K) {
      const found = snapshot.all(kind)
      if (kind !== subject.kind) return found
      all ??= [...found.filter(other), subject]
      return all as unknown as readonly Resource<K>[]
    },
    inNamespace<K extends KindName>(kind: K, namespace: string) {
      const found = snapshot.inNamespace(kind, namespace)
      if (kind !== subject.kind || namespace !== subject.namespace) return found
      neighbours ??= [...found.filter(other), subject]
      return neighbours as unknown as readonly Resource<K>[]
    },
  }
}

function add<Key>(index: Map<Key, Resource[]>, key: Key, resource: Resource): void {
  const found = index.get(key)
  if (found) found.push(resource)
  else index.set(key, [resource])
}
