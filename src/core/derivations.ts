import { hasKind, isSubsetOfKinds, type KindSet, kindsIn, noKinds, unionOfKinds } from './kind-set.ts'
import type { Partition, Snapshot } from './snapshot.ts'
import type { Stage } from './view.ts'

/**
 * What functions made of a snapshot, by stage, function and key, and what they looked at for it: a value holds until something
 * of that changes. Keys are kept apart from stages, as a text put together of both would have to be hashed at each look.
 */
export type Derivations = Readonly<Record<Stage, Map<unknown, Map<string, Derivation>>>>

/** Of a snapshot that nobody has looked at. */
export function noDerivations(): Derivations {
  return { declared: new Map(), admitted: new Map() }
}

export interface Derivation {
  /** The value is only good for the same settings. */
  readonly settings: unknown
  readonly reads: Reads
  readonly value: unknown
  /** Up to when the value is known to hold ({@link Snapshot.now}). */
  holdsAt: number
}

/** Kinds that were looked at: in some namespaces, or everywhere. */
export interface Reads {
  everywhere: KindSet
  /** Mostly it is one. */
  readonly byNamespace: Map<string, KindSet>
}

export function noReads(): Reads {
  return { everywhere: noKinds, byNamespace: new Map() }
}

/** Notes that kinds were looked at, in one namespace or, without one, everywhere. */
export function noteRead(reads: Reads, kinds: KindSet, namespace?: string): void {
  if (namespace === undefined) reads.everywhere = unionOfKinds(reads.everywhere, kinds)
  else if (!isSubsetOfKinds(kinds, reads.everywhere)) {
    const known = reads.byNamespace.get(namespace) ?? noKinds
    if (!isSubsetOfKinds(kinds, known)) reads.byNamespace.set(namespace, unionOfKinds(known, kinds))
  }
}

/** Notes everything that another value looked at. */
export function noteReads(reads: Reads, others: Reads): void {
  reads.everywhere = unionOfKinds(reads.everywhere, others.everywhere)
  for (const [namespace, kinds] of others.byNamespace) noteRead(reads, kinds, namespace)
}

/** Every kind that was looked at anywhere. */
export function kindsRead({ everywhere, byNamespace }: Reads): KindSet {
  let all = everywhere
  for (const kinds of byNamespace.values()) all = unionOfKinds(all, kinds)
  return all
}

/** Does a change in this place concern a value that looked at these? */
export function isRead({ everywhere, byNamespace }: Reads, { kind, namespace }: Partition): boolean {
  return hasKind(everywhere, kind) || hasKind(byNamespace.get(namespace) ?? noKinds, kind)
}

/** More keys than a large cluster has namespaces; values of namespaces that are gone must not pile up. */
const mostKeys = 20_000

/** What a function made of the snapshot under this key, as far as it still holds. */
export function recall(
  snapshot: Snapshot,
  stage: Stage,
  compute: unknown,
  key: string,
  settings: unknown,
): Derivation | undefined {
  const found = snapshot.derivations[stage].get(compute)?.get(key)
  if (found && found.settings === settings && holds(found, snapshot)) return found
  if (!snapshot.base) return undefined
  const inherited = recall(snapshot.base.snapshot, stage, compute, key, settings)
  return inherited && isRead(inherited.reads, snapshot.base.changed) ? undefined : inherited
}

/** Keeps a value where it holds longest: with the base, when nothing was looked at in which the snapshot differs. */
export function remember(
  snapshot: Snapshot,
  stage: Stage,
  compute: unknown,
  key: string,
  derivation: Derivation,
): void {
  const { base, derivations } = snapshot
  if (base && !isRead(derivation.reads, base.changed)) return remember(base.snapshot, stage, compute, key, derivation)
  const functions = derivations[stage]
  let keys = functions.get(compute)
  if (!keys) functions.set(compute, (keys = new Map()))
  if (keys.size >= mostKeys) keys.clear()
  keys.set(key, derivation)
}

function holds(derivation: Derivation, snapshot: Snapshot): boolean {
  const { reads, holdsAt } = derivation
  if (holdsAt === snapshot.now) return true
  for (const kind of kindsIn(reads.everywhere)) if (snapshot.stamp(kind) > holdsAt) return false
  for (const [namespace, kinds] of reads.byNamespace)
    for (const kind of kindsIn(kinds)) if (snapshot.stamp(kind, namespace) > holdsAt) return false
  derivation.holdsAt = snapshot.now
  return true
}
