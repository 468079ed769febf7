import type { KindName } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'
import { isRead, kindsRead, noReads, noteRead, noteReads, type Reads, recall, remember } from './derivations.ts'
import { type KindSet, onlyKind } from './kind-set.ts'
import type { Partition, Scope, Snapshot } from './snapshot.ts'

/** Is the subject judged as its author wrote it, or after all mutation? */
export type Stage = 'declared' | 'admitted'

/**
 * A snapshot narrowed to the kinds a rule declared in `reads`.
 *
 * @typeParam R kinds that may be read; another one does not compile
 * @typeParam S settings of the world outside the objects (for meshgate: what is known of Linkerd)
 */
export interface View<R extends KindName, S> {
  readonly stage: Stage
  readonly scope: Scope
  readonly settings: S
  all<K extends R>(kind: K): readonly Resource<K>[]
  inNamespace<K extends R>(kind: K, namespace: string): readonly Resource<K>[]
  /** Namespaces in which there is something of the kind. */
  namespacesWith(kind: R): Iterable<string>
  /**
   * What `compute` makes of this view, computed once for as long as nothing changes that it looked at: for all subjects of
   * one analysis, and for later analyses. `compute` is a function of its view alone.
   */
  derive<T>(compute: (view: View<R, S>) => T): T
  /** The same for one of many keys, such as the name of a namespace: looking at one namespace alone keeps it longest. */
  deriveFor<T>(key: string, compute: (view: View<R, S>, key: string) => T): T
  /**
   * A value that is too dear to be made again whenever something changes: `start` makes it, `update` is told where changes
   * were and corrects it in place.
   */
  maintain<T>(start: (view: View<R, S>) => T, update: Correction<T, R, S>): T
  /** The view without the subject in it: what one maintains holds there from review to review. */
  around(): View<R, S>
}

/** Corrects a value in place, given where something that it looked at has changed. */
type Correction<T, R extends KindName, S> = (value: T, changed: readonly Partition[], view: View<R, S>) => void

/**
 * The view of one rule.
 *
 * @param onRead told of the kinds that are read
 */
export function viewOf<R extends KindName, S>(
  snapshot: Snapshot,
  reads: readonly R[],
  settings: S,
  stage: Stage,
  onRead: (kinds: KindSet) => void = () => undefined,
): View<R, S> {
  return viewWithin(snapshot, reads, settings, stage, onRead, [])
}

/** @param underWay what the derivations that are under way have looked at, here or around here, innermost last */
function viewWithin<R extends KindName, S>(
  snapshot: Snapshot,
  reads: readonly R[],
  settings: S,
  stage: Stage,
  onRead: (kinds: KindSet) => void,
  underWay: Reads[],
): View<R, S> {
  const note = (kind: R, namespace?: string) => {
    if (!reads.includes(kind)) throw new Error(`the rule reads ${kind}, which it does not declare`)
    const one = onlyKind(kind)
    onRead(one)
    const innermost = underWay.at(-1)
    if (innermost) noteRead(innermost, one, namespace)
  }
  const noteAll = (looked: Reads) => {
    onRead(kindsRead(looked))
    const innermost = underWay.at(-1)
    if (innermost) noteReads(innermost, looked)
  }
  const watching = <T>(looked: Reads, compute: () => T): T => {
    underWay.push(looked)
    try {
      return compute()
    } finally {
      underWay.pop()
    }
  }
  const deriveAs = <T>(compute: unknown, key: string, run: () => T): T => {
    let derivation = recall(snapshot, compute, key, settings)
    if (derivation === undefined) {
      const looked = noReads()
      const value = watching(looked, run)
      derivation = { settings, reads: looked, value, holdsAt: snapshot.now }
      remember(snapshot, compute, key, derivation)
    }
    noteAll(derivation.reads)
    return derivation.value as T
  }
  let around: View<R, S> | undefined
  const view: View<R, S> = {
    stage,
    scope: snapshot.scope,
    settings,
    all(kind) {
      note(kind)
      return snapshot.all(kind)
    },
    inNamespace(kind, namespace) {
      note(kind, namespace)
      return snapshot.inNamespace(kind, namespace)
    },
    namespacesWith(kind) {
      note(kind)
      return snapshot.namespacesWith(kind)
    },
    derive: (compute) => deriveAs(compute, stage, () => compute(view)),
    deriveFor: (key, compute) => deriveAs(compute, `${stage} ${key}`, () => compute(view, key)),
    maintain<T>(start: (view: View<R, S>) => T, update: Correction<T, R, S>): T {
      const { base } = snapshot
      if (base) {
        // What does not look at the subject's place is kept where the next review finds it.
        const value = view.around().maintain(start, update)
        const kept = recall(base.snapshot, start, stage, settings)
        if (kept && !isRead(kept.reads, base.changed)) {
          noteAll(kept.reads)
          return value
        }
        return deriveAs(start, stage, () => start(view))
      }
      const kept = snapshot.derivations.get(start)?.get(stage)
      if (kept?.settings !== settings) return deriveAs(start, stage, () => start(view))
      const changed = [...snapshot.changesSince(kept.holdsAt)].filter((place) => isRead(kept.reads, place))
      kept.holdsAt = snapshot.now
      // What the correction looks at counts as well.
      if (changed.length > 0) watching(kept.reads, () => update(kept.value as T, changed, view))
      noteAll(kept.reads)
      return kept.value as T
    },
    // No getter: V8 makes a hidden class for each object with one, and that keeps the view until a full collection.
    around: () =>
      (around ??= snapshot.base ? viewWithin(snapshot.base.snapshot, reads, settings, stage, onRead, underWay) : view),
  }
  return view
}
