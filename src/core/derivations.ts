import type { KindName } from '../k8s/kinds.ts'
import type { Partition, Snapshot } from './snapshot.ts'

/**
 * What functions made of a snapshot, by function and key, and what they looked at for it: a value holds until something of
 * that changes.
 */
export type Derivations = Map<unknown, Map<string, Derivation>>

export interface Derivation {
  /** The value is only good for the same settings. */
  readonly settings: unknown
  readonly reads: Reads
  readonly value: unknown
  /** Up to when the value is known to hold ({@link Snapshot.now}). */
  holdsAt: number
}

/** Kinds that were looked at: in some namespaces, or everywhere. */
export type Reads = Map<KindName, Set<string> | 'everywhere'>

/** Notes that a kind was looked at, in one namespace or, without one, everywhere. */
export function noteRead(reads: Reads, kind: KindName, namespace?: string): void {
  const known = reads.get(kind)
  if (known === 'everywhere') return
  if (namespace === undefined) reads.set(kind, 'everywhere')
  else if (known) known.add(namespace)
  else reads.set(kind, new Set([namespace]))
}

/** Notes everything that another value looked at. */
export function noteReads(reads: Reads, others: Reads): void {
  for (const [kind, namespaces] of others)
    if (namespaces === 'everywhere') noteRead(reads, kind)
    else for (const namespace of namespaces) noteRead(reads, kind, namespace)
}

/** Does a change in this place concern a value that looked at these? */
export function isRead(reads: Reads, { kind, namespace }: Partition): boolean {
  const namespaces = reads.get(kind)
  return namespaces === 'everywhere' || namespaces?.has(namespace) === true
}

/** More keys than a large cluster has namespaces; values of namespaces that are gone must not pile up. */
const mostKeys = 20_000

/** What a function made of the snapshot under this key, as far as it still holds. */
export function recall(snapshot: Snapshot, compute: unknown, key: string, settings: unknown): Derivation | undefined {
  const found = snapshot.derivations.get(compute)?.get(key)
  if (found && found.settings === settings && holds(found, snapshot)) return found
  if (!snapshot.base) return undefined
  const inherited = recall(snapshot.base.snapshot, compute, key, settings)
  return inherited && isRead(inherited.reads, snapshot.base.changed) ? undefined : inherited
}

/** Keeps a value where it holds longest: with the base, when nothing was looked at in which the snapshot differs. */
export function remember(snapshot: Snapshot, compute: unknown, key: string, derivation: Derivation): void {
  const { base, derivations } = snapshot
  if (base && !isRead(derivation.reads, base.changed)) return remember(base.snapshot, compute, key, derivation)
  let keys = derivations.get(compute)
  if (!keys) derivations.set(compute, (keys = new Map()))
  if (keys.size >= mostKeys) keys.clear()
  keys.set(key, derivation)
}

function holds(derivation: Derivation, snapshot: Snapshot): boolean {
  const { reads, holdsAt } = derivation
  if (holdsAt === snapshot.now) return true
  for (const [kind, namespaces] of reads) {
    if (namespaces === 'everywhere') {
      if (snapshot.stamp(kind) > holdsAt) return false
    } else for (const namespace of namespaces) if (snapshot.stamp(kind, namespace) > holdsAt) return false
  }
  derivation.holdsAt = snapshot.now
  return true
}
